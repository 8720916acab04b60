//! Writing log lines without waiting for whoever reads them.
//!
//! Lines go through a bounded queue to a thread of their own. What finds no place there is lost and counted: executions must
//! not stand still because a pipe is full or a disk is slow.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const LINES_MAX: usize = 8_192;

/// Bytes that these lines may have together.
const BYTES_MAX: usize = 16 << 20;

/// How long the end of the process waits until the last lines are written.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Lines of this process that were lost.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines that were lost because standard error did not take them in time.
pub(crate) fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

enum Message {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// What waits to be written, with the line that is being written.
#[derive(Default)]
struct Waiting {
    lines: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    /// Whether there is room for a line, which then counts.
    fn admit(&self, line: &[u8]) -> bool {
        let lines = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = self.bytes.fetch_add(line.len(), Ordering::Relaxed) + line.len();
        let has_room = lines <= LINES_MAX && bytes <= BYTES_MAX;
        if !has_room {
            self.forget(line);
        }
        has_room
    }

    fn forget(&self, line: &[u8]) {
        self.lines.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(line.len(), Ordering::Relaxed);
    }
}

/// The way of log lines to the thread that writes them.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Message>,
    waiting: Arc<Waiting>,
}

impl Lines {
    /// Starts the thread that writes to `sink`.
    pub(super) fn start(sink: impl Write + Send + 'static) -> io::Result<(Lines, Flush)> {
        // However many lines wait, there is room for the end.
        let (queue, messages) = sync_channel(LINES_MAX + 1);
        let lines = Lines { queue: queue.clone(), waiting: Arc::default() };
        let waiting = lines.waiting.clone();
        thread::Builder::new().name("log".into()).spawn(move || run(&messages, &waiting, sink))?;
        Ok((lines, Flush(queue)))
    }

    fn send(&self, line: &[u8]) {
        let has_room = self.waiting.admit(line);
        if !has_room || self.queue.try_send(Message::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn run(messages: &Receiver<Message>, waiting: &Waiting, mut sink: impl Write) {
    let mut told = dropped_lines();
    while let Ok(message) = messages.recv() {
        match message {
            Message::Line(line) => {
                // There is nobody left to whom a failure could be told.
                let _ = sink.write_all(&line);
                waiting.forget(&line);
            }
            Message::Flush(done) => {
                let _ = sink.flush();
                let _ = done.send(());
            }
        }
        let dropped = dropped_lines();
        if dropped > told {
            let lines = dropped - told;
            tracing::warn!(lines, "log lines were lost: standard error did not take them in time");
            told = dropped;
        }
    }
}

/// One line: the formatter writes it as a whole.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.send(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

/// Waits when it is dropped until the last lines are written, if that does not take long.
#[must_use]
pub(crate) struct Flush(SyncSender<Message>);

impl Drop for Flush {
    fn drop(&mut self) {
        let (done, flushed) = sync_channel(1);
        if self.0.try_send(Message::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(FLUSH_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::sync::{Arc, Mutex};

    use super::{BYTES_MAX, Flush, LINES_MAX, Lines, Message, dropped_lines};

    /// Says that it has been called, waits for a word each time, and keeps what it gets.
    struct Slow {
        called: SyncSender<()>,
        words: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.called.try_send(());
            // Without anybody to give the word it goes on.
            let _ = self.words.recv();
            self.written.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// However long that takes.
    fn await_all(flush: &Flush) {
        let (done, flushed) = sync_channel(1);
        flush.0.try_send(Message::Flush(done)).unwrap();
        flushed.recv().unwrap();
    }

    /// One test, since the counter is that of the process.
    #[test]
    fn who_logs_never_waits_and_what_is_lost_is_counted() {
        let (called, is_called) = sync_channel(1);
        let (give_word, words) = sync_channel(1);
        let written = Arc::new(Mutex::new(Vec::new()));
        let slow = Slow { called, words, written: written.clone() };
        let (mut lines, flush) = Lines::start(slow).unwrap();
        lines.write_all(b"x\n").unwrap();
        is_called.recv().unwrap();
        let before = dropped_lines();
        for _ in 0..LINES_MAX + 100 {
            lines.write_all(b"y\n").unwrap();
        }
        assert_eq!(dropped_lines() - before, 101, "the one that is being written counts, too");
        drop(give_word);
        await_all(&flush);
        assert_eq!(written.lock().unwrap().len(), 2 * LINES_MAX);

        let (called, is_called) = sync_channel(1);
        let (give_word, words) = sync_channel(1);
        let slow = Slow { called, words, written: written.clone() };
        let (mut lines, flush) = Lines::start(slow).unwrap();
        let long = vec![b'z'; BYTES_MAX / 2];
        lines.write_all(&long).unwrap();
        is_called.recv().unwrap();
        let before = dropped_lines();
        for _ in 0..3 {
            lines.write_all(&long).unwrap();
        }
        assert_eq!(dropped_lines() - before, 2, "the one that is being written counts, too");
        drop(give_word);
        await_all(&flush);
        assert_eq!(written.lock().unwrap().len(), 2 * LINES_MAX + 2 * long.len());
    }
}
