//! Variables: what they may be called (AWS developer guide, "Passing data between states with variables").

/// Longest name, in characters.
const VARIABLE_NAME_CHARS_MAX: usize = 80;

/// `$states` is JSONata's own.
const RESERVED: &str = "states";

/// Length in bytes of the name that a text begins with: an identifier of Unicode (UAX #31).
pub(crate) fn name_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    match characters.next() {
        Some((_, first)) if unicode_ident::is_xid_start(first) || first == '_' => {}
        _ => return 0,
    }
    let end = characters.find(|(_, character)| !unicode_ident::is_xid_continue(*character));
    end.map_or(text.len(), |(at, _)| at)
}

/// What is wrong with the name of a variable that is assigned.
pub(crate) fn fault_of_name(name: &str) -> Option<String> {
    if name.is_empty() || name_length(name) != name.len() {
        return Some(format!("'{name}' is not a valid variable name"));
    }
    if name.chars().count() > VARIABLE_NAME_CHARS_MAX {
        return Some(format!("Variable names have 1 to {VARIABLE_NAME_CHARS_MAX} characters"));
    }
    (name == RESERVED).then(|| format!("The variable name '{RESERVED}' is reserved"))
}

#[cfg(test)]
mod tests {
    use super::{fault_of_name, name_length};

    #[test]
    fn names_are_identifiers() {
        for (text, length) in
            [("a.b", 1), ("größe[0]", 7), ("_x1 ", 3), ("1a", 0), ("", 0), (".a", 0), ("x", 1)]
        {
            assert_eq!(name_length(text), length, "{text}");
        }
    }

    #[test]
    fn only_whole_names_can_be_assigned() {
        assert_eq!(fault_of_name("customer_2"), None);
        for name in ["", "a.b", "a[0]", "$a", "states", &"x".repeat(81)] {
            assert!(fault_of_name(name).is_some(), "{name}");
        }
    }
}
