//! `stepyard history ... | head`: who reads the output may have seen enough.

use std::panic;
use std::process;

/// As of a program that the signal of a closed pipe has ended (128 and the number of SIGPIPE).
const EXIT_CODE: i32 = 141;

/// How the standard library begins when it cannot print.
const CANNOT_PRINT: &str = "failed printing to stdout";

/// From here on the program ends without a word when nobody reads what it prints any more.
pub(super) fn end_quietly() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let words = panicked.payload().downcast_ref::<String>();
        if words.is_some_and(|words| words.starts_with(CANNOT_PRINT)) {
            process::exit(EXIT_CODE);
        }
        report(panicked);
    }));
}
