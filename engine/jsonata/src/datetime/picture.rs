//! Pictures of points in time (F&O 9.8.4.1 to 9.8.4.3).

use super::component::Component;
use crate::fault::Fault;
use crate::number::{Case, IntegerPicture};

/// Greatest width that a marker can ask for; a greater one counts as this.
const WIDTH_MAX: usize = 100;

/// A piece of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Marker(Marker),
}

/// What stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) component: Component,
    pub(super) letter: char,
    pub(super) style: Style,
    /// Greatest width.
    pub(super) width_max: Option<usize>,
    /// Modifier `t`: `Z` for an offset of zero.
    pub(super) zulu: bool,
}

/// How the component is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Name(Case),
    Integer(IntegerPicture),
    /// The component has one form only.
    Fixed,
}

/// Reads a picture.
///
/// D3135 is a `[` that no `]` follows; D3132 a letter that is no component, alone: as in the reference, one with a
/// presentation is written as nothing; D3130 and D3131 are faults of integer pictures.
pub(super) fn read(picture: &str) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    let mut rest = picture;
    while let Some((literal, after)) = rest.split_once('[') {
        push_literal(&mut parts, literal);
        if let Some(after) = after.strip_prefix('[') {
            parts.push(Part::Literal("[".to_owned()));
            rest = after;
            continue;
        }
        let (marker, after) = after.split_once(']').ok_or_else(|| Fault::new("D3135"))?;
        parts.push(Part::Marker(Marker::read(marker)?));
        rest = after;
    }
    push_literal(&mut parts, rest);
    Ok(parts)
}

fn push_literal(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Literal(text.replace("]]", "]")));
    }
}

impl Marker {
    fn read(text: &str) -> Result<Marker, Fault> {
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let mut characters = text.chars();
        let letter = characters.next().unwrap_or_default();
        let component = Component::of(letter);
        let modifiers = characters.as_str();
        let (presentation, width) = match modifiers.rsplit_once(',') {
            Some((presentation, width)) => (presentation, width),
            None => (modifiers, ""),
        };
        let (min, max) = width.split_once('-').unwrap_or((width, ""));
        let (token, modifier) = split_modifier(presentation);
        let given = Some(token).filter(|token| !token.is_empty());
        let token = given.or(component.default_presentation());
        let token =
            token.ok_or_else(|| Fault::of("D3132", &text[..letter.len_utf8().min(text.len())]))?;
        let mut marker = Marker {
            component,
            letter,
            style: Style::read(component, token, modifier == Some('o'))?,
            width_max: read_width(max),
            zulu: modifier == Some('t'),
        };
        marker.set_widths(read_width(min));
        Ok(marker)
    }

    /// Applies the widths to the digits; a year is cut to its greatest width too (F&O 9.8.4.4).
    fn set_widths(&mut self, min: Option<usize>) {
        let Style::Integer(picture) = &mut self.style else { return };
        if self.component.is_offset() {
            return;
        }
        if let Some(min) = min {
            picture.at_least(min);
        }
        if let Some(max) = self.width_max.filter(|_| self.component == Component::Year) {
            picture.exactly(max);
        }
    }
}

impl Style {
    fn read(component: Component, token: &str, ordinal: bool) -> Result<Style, Fault> {
        if let Some(case) = name_case(token) {
            return Ok(Style::Name(case));
        }
        if component.is_integer() {
            return IntegerPicture::with_token(token, ordinal).map(Style::Integer);
        }
        if component.is_offset() {
            return IntegerPicture::with_token(token, false).map(Style::Integer);
        }
        Ok(Style::Fixed)
    }
}

/// `n`, `N` and `Nn` present names; the rest of the token makes no difference.
fn name_case(token: &str) -> Option<Case> {
    match token.as_bytes() {
        [b'n', ..] => Some(Case::Lower),
        [b'N', b'n', ..] => Some(Case::Title),
        [b'N', ..] => Some(Case::Upper),
        _ => None,
    }
}

/// The second modifier is the last of several letters: `o` for ordinal, `c` for cardinal, `a` and
/// `t` for other meanings.
fn split_modifier(presentation: &str) -> (&str, Option<char>) {
    let last = presentation.chars().next_back();
    match last.filter(|last| presentation.len() > 1 && matches!(last, 'a' | 't' | 'c' | 'o')) {
        Some(last) => (&presentation[..presentation.len() - 1], Some(last)),
        None => (presentation, None),
    }
}

/// The digits at the start; none, or `*`, ask for no width.
fn read_width(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let width = text[..digits].bytes().fold(0, |width: usize, digit| {
        width.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    });
    (digits > 0).then_some(width.min(WIDTH_MAX))
}

#[cfg(test)]
mod tests {
    use super::{Case, Component, Marker, Part, Style, WIDTH_MAX, read};

    fn marker(picture: &str) -> Marker {
        match read(picture).unwrap().as_slice() {
            [Part::Marker(marker)] => marker.clone(),
            parts => panic!("{parts:?}"),
        }
    }

    #[test]
    fn doubled_brackets_stand_for_themselves() {
        let literals = |picture: &str| -> String {
            let parts = read(picture).unwrap().into_iter();
            parts
                .map(|part| if let Part::Literal(text) = part { text } else { "*".into() })
                .collect()
        };
        assert_eq!(literals("[[a]]b]"), "[a]b]");
        assert_eq!(literals("[[[Y]]]"), "[*]");
        assert_eq!(literals(""), "");
    }

    #[test]
    fn markers_have_presentation_and_width() {
        let month = marker("[ M N n , 3 - 5 ]");
        assert_eq!((month.component, month.width_max), (Component::Month, Some(5)));
        assert_eq!(month.style, Style::Name(Case::Title));
        assert!(marker("[Z0101t]").zulu);
        let digits = |picture: &str| match marker(picture).style {
            Style::Integer(picture) => picture.decimal().map(|decimal| decimal.mandatory),
            _ => None,
        };
        assert_eq!(digits("[D1,2]"), Some(2));
        assert_eq!(digits("[Y0001,2-2]"), Some(2));
        assert_eq!(digits("[Y9,999,*]"), Some(4));
        assert_eq!(digits("[D,99999999999999999999]"), Some(WIDTH_MAX));
    }

    #[test]
    fn faults_of_pictures_are_told() {
        for (picture, code, value) in [
            ("[Y", "D3135", None),
            ("[q]", "D3132", Some("q")),
            ("[é]", "D3132", Some("é")),
            ("[]", "D3132", Some("")),
            ("[D#]", "D3130", Some("#")),
            ("[D0٠]", "D3131", None),
        ] {
            let fault = read(picture).unwrap_err();
            assert_eq!((fault.code, fault.value.as_deref()), (code, value), "{picture}");
        }
    }
}
