//! JavaScript's notation of regular expressions in that of the `regex` crate.

use std::iter::Peekable;
use std::str::Chars;

/// Blanks of JavaScript: those of Unicode without U+0085, and the byte order mark.
const BLANKS: &str = r"\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";

/// Translates a pattern, or says what cannot be matched.
pub(super) fn translate(source: &str) -> Result<String, &'static str> {
    let mut translation =
        Translation { rest: source.chars().peekable(), out: String::with_capacity(source.len()) };
    while let Some(character) = translation.rest.next() {
        translation.character(character)?;
    }
    Ok(translation.out)
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Translation<'_> {
    fn character(&mut self, character: char) -> Result<(), &'static str> {
        match character {
            '\\' => self.escape(false),
            '[' => self.class(),
            '(' => self.group(),
            '.' => {
                self.out.push_str(r"[^\n\r\x{2028}\x{2029}]");
                Ok(())
            }
            '{' => {
                self.brace();
                Ok(())
            }
            '}' | ']' => {
                self.out.push('\\');
                self.out.push(character);
                Ok(())
            }
            other => {
                self.out.push(other);
                Ok(())
            }
        }
    }

    /// `{` opens a repetition when one is written out, else it stands for itself.
    fn brace(&mut self) {
        let ahead: String = self.rest.clone().take_while(|c| *c != '}').collect();
        let closed = self.rest.clone().any(|c| c == '}');
        let (low, high) = ahead.split_once(',').unwrap_or((&ahead, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if closed && !low.is_empty() && digits(low) && digits(high) {
            self.out.push('{');
            self.out.push_str(&ahead);
            self.out.push('}');
            self.rest.by_ref().take(ahead.chars().count() + 1).for_each(drop);
        } else {
            self.out.push_str("\\{");
        }
    }

    fn group(&mut self) -> Result<(), &'static str> {
        self.out.push('(');
        if self.rest.peek() != Some(&'?') {
            return Ok(());
        }
        let mut ahead = self.rest.clone().skip(1);
        match (ahead.next(), ahead.next()) {
            (Some('=' | '!'), _) => Err("look-ahead is not supported"),
            (Some('<'), Some('=' | '!')) => Err("look-behind is not supported"),
            _ => Ok(()),
        }
    }

    fn class(&mut self) -> Result<(), &'static str> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            // `[]` matches nothing, `[^]` anything.
            self.out.push_str(if negated { r"[\s\S]" } else { r"[^\s\S]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        while let Some(character) = self.rest.next() {
            match character {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '[' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(character);
                }
                other => self.out.push(other),
            }
        }
        Err("a class is not closed")
    }

    fn escape(&mut self, in_class: bool) -> Result<(), &'static str> {
        let Some(escaped) = self.rest.next() else { return Err("nothing follows the backslash") };
        match escaped {
            'd' => self.set("0-9", in_class, false),
            'D' => self.set("0-9", in_class, true),
            'w' => self.set("0-9A-Za-z_", in_class, false),
            'W' => self.set("0-9A-Za-z_", in_class, true),
            's' => self.set(BLANKS, in_class, false),
            'S' => self.set(BLANKS, in_class, true),
            'b' if in_class => self.out.push_str(r"\x08"),
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => self.out.push_str(r"\B"),
            'n' | 'r' | 't' | 'f' | 'v' => {
                self.out.push('\\');
                self.out.push(escaped);
            }
            '0' => self.out.push_str(r"\x00"),
            '1'..='9' | 'k' if !in_class => return Err("back-references are not supported"),
            'c' => self.control(),
            'x' => self.code(2, 'x'),
            'u' => self.code(4, 'u'),
            other if other.is_ascii_alphanumeric() || !other.is_ascii() => self.out.push(other),
            other => {
                self.out.push('\\');
                self.out.push(other);
            }
        }
        Ok(())
    }

    fn set(&mut self, members: &str, in_class: bool, negated: bool) {
        match (in_class, negated) {
            (true, false) => self.out.push_str(members),
            (_, true) => self.out.push_str(&format!("[^{members}]")),
            (false, false) => self.out.push_str(&format!("[{members}]")),
        }
    }

    fn control(&mut self) {
        match self.rest.next_if(char::is_ascii_alphabetic) {
            Some(letter) => {
                let code = u32::from(letter) % 32;
                self.out.push_str(&format!("\\x{{{code:x}}}"));
            }
            None => self.out.push_str(r"\\c"),
        }
    }

    /// `\xHH` and `\uHHHH`; without so many digits the letter stands for itself.
    fn code(&mut self, length: usize, letter: char) {
        let digits: String = self.rest.clone().take(length).collect();
        if digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.rest.by_ref().take(length).for_each(drop);
            self.out.push_str(&format!("\\x{{{digits}}}"));
        } else {
            self.out.push(letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;

    fn found(pattern: &str, text: &str) -> Option<(usize, usize)> {
        Pattern::new(pattern, "").unwrap().find(text, 0).map(|found| (found.start, found.end))
    }

    #[test]
    fn javascripts_notation_is_understood() {
        assert_eq!(found(r"\d+", "a12٣"), Some((1, 3)));
        assert_eq!(found(r"a{2}b{", "aab{"), Some((0, 4)));
        assert_eq!(found(r"[[\]]+", "x[]"), Some((1, 3)));
        assert_eq!(found(r"[^]", "\n"), Some((0, 1)));
        assert_eq!(found(r"\u0041\x42\/", "AB/"), Some((0, 3)));
        assert_eq!(found(r"a.c", "a\nc"), None);
        assert_eq!(found(r"\bfoo\b", "a foo"), Some((2, 5)));
        assert_eq!(found(r"[\w.]+", "-a.b"), Some((1, 4)));
    }

    #[test]
    fn what_takes_more_than_linear_time_is_refused() {
        for (pattern, reason) in [
            ("a(?=b)", "look-ahead is not supported"),
            ("(?<!a)b", "look-behind is not supported"),
            (r"(a)\1", "back-references are not supported"),
        ] {
            let error = Pattern::new(pattern, "").unwrap_err();
            assert_eq!(error.code, "S0303");
            assert!(error.message().ends_with(reason), "{}", error.message());
        }
        assert!(Pattern::new("(a", "").is_err());
        assert!(Pattern::new("(x{1000}){1000}", "").is_err());
    }
}
