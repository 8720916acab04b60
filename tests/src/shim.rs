//! A disk that is slow or fails, a clock that is wrong, and a sudden end, for one process.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::root;

/// A library that is preloaded into a server, and the file that tells it what to do.
pub struct Shim {
    folder: TempDir,
    control: File,
}

impl Shim {
    /// Compiles it.
    ///
    /// # Panics
    /// When there is no C compiler, which the Rust compiler needs to link anyway.
    pub fn new() -> Shim {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let compiled = Command::new("cc")
            .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("shim.so"))
            .arg(root().join("tests/src/shim.c"))
            .status();
        assert!(
            compiled.is_ok_and(|status| status.success()),
            "cc cannot compile tests/src/shim.c"
        );
        let control = File::create_new(folder.path().join("control"));
        let control = control.unwrap_or_else(|error| panic!("{error}"));
        let shim = Shim { folder, control };
        (0..4).for_each(|place| shim.write(place, 0));
        shim
    }

    /// What a process needs in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        vec![
            ("LD_PRELOAD".into(), path("shim.so")),
            ("STEPYARD_TEST_CONTROL".into(), path("control")),
        ]
    }

    /// Each sync of a file takes so much longer.
    pub fn delay_syncs(&self, delay: Duration) {
        self.write(0, i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
    }

    /// So many syncs fail with EIO.
    pub fn fail_syncs(&self, count: i64) {
        self.write(1, count);
    }

    /// The time of day is ahead by so many milliseconds.
    pub fn set_clock_ahead(&self, millis: i64) {
        self.write(2, millis);
    }

    /// The process dies that many steps from now; a step lies before and after each call that writes to a file
    /// or a socket.
    pub fn kill_after(&self, steps: i64) {
        self.write(3, steps);
    }

    fn write(&self, place: u64, value: i64) {
        let written = self.control.write_all_at(&value.to_ne_bytes(), place * 8);
        written.unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Default for Shim {
    fn default() -> Shim {
        Shim::new()
    }
}
