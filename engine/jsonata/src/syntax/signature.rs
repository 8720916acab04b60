//! Signatures of functions, such as `<s-n?:s>`: which types arguments may have, and which may be left
//! out.

use crate::error::{Error, Outcome};
use crate::value::Value;

/// Any value, as the letters of the types.
const ANY: &str = "asnblfom";

/// The types of a function's parameters. The type of its result is not checked.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) parameters: Vec<Parameter>,
}

/// One parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Letters of the types that fit, `m` for a missing value among them.
    pub(crate) types: String,
    /// Whether it is declared as an array: other values are wrapped into one.
    pub(crate) is_array: bool,
    /// Type of the elements, when the array declares it.
    pub(crate) element: Option<String>,
    /// Whether the context stands in for a missing argument.
    pub(crate) from_context: bool,
    pub(crate) optional: bool,
    pub(crate) repeated: bool,
    /// Whether type parameters may follow.
    takes_parameters: bool,
}

/// An error and its offset in the signature.
type Fault = (Box<Error>, usize);

impl Signature {
    /// Parses a signature with its angle brackets.
    pub(crate) fn parse(text: &str) -> Result<Signature, Fault> {
        let symbols: Vec<char> = text.chars().collect();
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut at = 1;
        while at < symbols.len() && symbols[at] != ':' {
            match symbols[at] {
                '(' => {
                    let end = closing(&symbols, at, '(', ')');
                    parameters.push(choice(&symbols[at + 1..end.min(symbols.len())], at)?);
                    at = end;
                }
                '<' => {
                    let end = closing(&symbols, at, '<', '>');
                    let inside = symbols[at + 1..end.min(symbols.len())].iter().collect();
                    type_parameter(parameters.last_mut(), inside, at)?;
                    at = end;
                }
                symbol => modify_or_add(symbol, &mut parameters),
            }
            at += 1;
        }
        Ok(Signature { parameters })
    }

    /// Whether the parameters take the arguments one by one, with nothing to be done to any, and those left over may be
    /// missing: the frequent case.
    pub(crate) fn takes_as_they_are(&self, arguments: &[Value]) -> bool {
        let fits = |(parameter, argument): (&Parameter, &Value)| {
            let symbol = argument.symbol();
            let plain = !parameter.is_array || (symbol == b'a' && parameter.element.is_none());
            plain && !parameter.repeated && parameter.fits(symbol)
        };
        let Some((taken, rest)) = self.parameters.split_at_checked(arguments.len()) else {
            return false;
        };
        let may_be_missing = |parameter: &Parameter| parameter.optional && !parameter.from_context;
        taken.iter().zip(arguments).all(fits) && rest.iter().all(may_be_missing)
    }

    /// A signature that is part of the program.
    pub(crate) fn builtin(text: &str) -> Signature {
        Signature::parse(text).unwrap_or(Signature { parameters: Vec::new() })
    }
}

fn modify_or_add(symbol: char, parameters: &mut Vec<Parameter>) {
    match (symbol, parameters.last_mut()) {
        ('-', Some(last)) => {
            last.from_context = true;
            last.optional = true;
        }
        ('?', Some(last)) => last.optional = true,
        ('+', Some(last)) => last.repeated = true,
        ('s' | 'n' | 'b' | 'l' | 'o', _) => parameters.push(parameter(&format!("{symbol}m"))),
        ('a', _) => {
            parameters.push(Parameter { is_array: true, takes_parameters: true, ..parameter(ANY) });
        }
        ('f', _) => parameters.push(Parameter { takes_parameters: true, ..parameter("f") }),
        ('j', _) => parameters.push(parameter("asnblom")),
        ('x', _) => parameters.push(parameter(ANY)),
        _ => {}
    }
}

fn parameter(types: &str) -> Parameter {
    Parameter {
        types: types.to_owned(),
        is_array: false,
        element: None,
        from_context: false,
        optional: false,
        repeated: false,
        takes_parameters: false,
    }
}

fn choice(inside: &[char], at: usize) -> Result<Parameter, Fault> {
    if inside.contains(&'<') {
        return Err((Error::new("S0402"), at));
    }
    Ok(parameter(&inside.iter().chain(&['m']).collect::<String>()))
}

fn type_parameter(last: Option<&mut Parameter>, inside: String, at: usize) -> Result<(), Fault> {
    match last {
        Some(last) if last.takes_parameters => {
            last.element = Some(inside);
            Ok(())
        }
        _ => Err((Error::new("S0401"), at)),
    }
}

/// Where the bracket that opens at `start` is closed; the end of the text when it is not.
fn closing(symbols: &[char], start: usize, open: char, close: char) -> usize {
    let mut depth = 0;
    for (at, symbol) in symbols.iter().enumerate().skip(start) {
        if *symbol == open {
            depth += 1;
        } else if *symbol == close {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    symbols.len()
}

impl Parameter {
    fn fits(&self, symbol: u8) -> bool {
        self.types.as_bytes().contains(&symbol)
    }

    /// Whether a value of that type may stand in from the context.
    pub(crate) fn fits_context(&self, symbol: u8) -> bool {
        self.fits(symbol)
    }
}

/// How many arguments each parameter takes, or `None` when the types do not fit. Parameters take as
/// many as they can, from the left, as long as the rest still fits.
pub(crate) fn assign(
    parameters: &[Parameter],
    symbols: &[u8],
    to_the_end: bool,
) -> Option<Vec<usize>> {
    if let Some(taken) = one_by_one(parameters, symbols) {
        return Some(taken);
    }
    let (rows, columns) = (parameters.len(), symbols.len());
    // `possible[p][s]`: the parameters from `p` on can take the arguments from `s` on.
    let mut possible = vec![vec![false; columns + 1]; rows + 1];
    for (at, cell) in possible[rows].iter_mut().enumerate() {
        *cell = !to_the_end || at == columns;
    }
    for row in (0..rows).rev() {
        for column in 0..=columns {
            possible[row][column] =
                counts(&parameters[row], &symbols[column..]).any(|n| possible[row + 1][column + n]);
        }
    }
    let mut column = 0;
    let mut taken = Vec::with_capacity(rows);
    for (row, parameter) in parameters.iter().enumerate() {
        let count = counts(parameter, &symbols[column..])
            .filter(|count| possible[row + 1][column + count])
            .last()?;
        taken.push(count);
        column += count;
    }
    possible[0][0].then_some(taken)
}

/// The frequent case: each parameter takes one argument, until none is left.
fn one_by_one(parameters: &[Parameter], symbols: &[u8]) -> Option<Vec<usize>> {
    let (taken, rest) = parameters.split_at_checked(symbols.len())?;
    let takes_one =
        |(parameter, symbol): (&Parameter, &u8)| !parameter.repeated && parameter.fits(*symbol);
    (taken.iter().zip(symbols).all(takes_one) && rest.iter().all(|parameter| parameter.optional))
        .then(|| (0..parameters.len()).map(|at| usize::from(at < symbols.len())).collect())
}

/// The numbers of arguments that a parameter can take, ascending.
fn counts(parameter: &Parameter, symbols: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let most = if parameter.repeated { usize::MAX } else { 1 };
    let fitting = symbols.iter().take(most).take_while(|symbol| parameter.fits(**symbol)).count();
    usize::from(!parameter.optional)..=fitting
}

/// Refuses arguments that do not fit: the error names the first that has no place.
pub(crate) fn check(parameters: &[Parameter], symbols: &[u8]) -> Outcome<Vec<usize>> {
    if let Some(taken) = assign(parameters, symbols, true) {
        return Ok(taken);
    }
    let mut good_to = 0;
    for end in 1..=parameters.len() {
        match assign(&parameters[..end], symbols, false) {
            Some(taken) => good_to = taken.iter().sum(),
            None => break,
        }
    }
    Err(Error::new("T0410").with_json("index", &(good_to + 1).to_string()))
}

#[cfg(test)]
mod tests {
    use super::{Signature, check};

    fn taken(signature: &str, symbols: &str) -> Result<Vec<usize>, String> {
        let signature = Signature::parse(signature).unwrap();
        check(&signature.parameters, symbols.as_bytes()).map_err(|error| error.message())
    }

    #[test]
    fn arguments_are_given_out_from_the_left() {
        assert_eq!(taken("<s-n?:s>", "sn"), Ok(vec![1, 1]));
        assert_eq!(taken("<s-n?:s>", "n"), Ok(vec![0, 1]));
        assert_eq!(taken("<a+>", "aas"), Ok(vec![3]));
        assert_eq!(taken("<(sf)>", "f"), Ok(vec![1]));
        assert_eq!(taken("<s-nn?:s>", "sn"), Ok(vec![1, 1, 0]));
        assert_eq!(taken("<s-nn?:s>", "nn"), Ok(vec![0, 1, 1]));
        assert_eq!(taken("<s?a+n?>", "saan"), Ok(vec![1, 3, 0]));
    }

    #[test]
    fn the_first_argument_without_a_place_is_named() {
        let error = taken("<sn>", "ss").unwrap_err();
        assert!(error.starts_with("Argument 2 of function"), "{error}");
        assert!(taken("<n>", "nn").unwrap_err().starts_with("Argument 2"));
    }

    #[test]
    fn type_parameters_need_an_array_or_a_function() {
        assert_eq!(Signature::parse("<n<s>>").unwrap_err().0.code, "S0401");
        assert_eq!(Signature::parse("<(sa<n>)>").unwrap_err().0.code, "S0402");
    }
}
