//! Tokens to tree, by binding powers (Pratt's algorithm).

use std::sync::Arc;

use super::lexer::{Kind, Lexer, Token};
use super::{Raw, RawKind, RawPair, RawTerm, Signature};
use crate::error::{Error, Outcome};
use crate::limits::{NESTING_MAX, SOURCE_MAX};

/// Parses a whole expression.
pub(crate) fn parse(text: &str) -> Outcome<Raw> {
    if text.len() > SOURCE_MAX {
        return Err(Error::nesting(SOURCE_MAX));
    }
    let mut lexer = Lexer::new(text);
    let token = next(&mut lexer, false)?;
    let mut parser = Parser { lexer, token, depth: 0 };
    let tree = parser.expression(0)?;
    if parser.token.kind != Kind::End {
        return Err(parser.token.blamed("S0201"));
    }
    Ok(tree)
}

/// The next token; the marks that only end names are no operators.
fn next(lexer: &mut Lexer<'_>, infix: bool) -> Outcome<Token> {
    let token = lexer.next(infix)?;
    match token.kind {
        Kind::Operator(operator @ ("!" | "~")) => {
            Err(Error::new("S0204").at(token.position).with_token(operator))
        }
        _ => Ok(token),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token to be read next.
    token: Token,
    depth: usize,
}

/// How strongly an operator binds to its left.
fn binding_power(kind: &Kind) -> u8 {
    let Kind::Operator(operator) = kind else { return 0 };
    match *operator {
        "(" | "[" | "@" | "#" => 80,
        "." => 75,
        "{" => 70,
        "*" | "/" | "%" => 60,
        "+" | "-" | "&" => 50,
        "=" | "<" | ">" | "!=" | "<=" | ">=" | "~>" | "in" | "^" | "??" | "?:" => 40,
        "and" => 30,
        "or" => 25,
        "?" => 20,
        ":=" => 10,
        _ => 0,
    }
}

impl Parser<'_> {
    fn expression(&mut self, power: u8) -> Outcome<Raw> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(Error::nesting(self.token.position));
        }
        let token = self.advance(true)?;
        let mut left = self.prefix(token)?;
        while power < binding_power(&self.token.kind) {
            let token = self.advance(false)?;
            left = self.infix(left, &token)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn boxed(&mut self, power: u8) -> Outcome<Box<Raw>> {
        self.expression(power).map(Box::new)
    }

    /// Takes the current token and reads the next.
    fn advance(&mut self, infix: bool) -> Outcome<Token> {
        let next = next(&mut self.lexer, infix)?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// Takes that operator or fails.
    fn expect(&mut self, operator: &'static str, infix: bool) -> Outcome<()> {
        if self.is(operator) {
            return self.advance(infix).map(drop);
        }
        let code = if self.token.kind == Kind::End { "S0203" } else { "S0202" };
        Err(self.token.blamed(code).with_text("value", operator))
    }

    fn is(&self, operator: &str) -> bool {
        matches!(self.token.kind, Kind::Operator(found) if found == operator)
    }

    fn take(&mut self, operator: &'static str) -> Outcome<bool> {
        let found = self.is(operator);
        if found {
            self.advance(false)?;
        }
        Ok(found)
    }

    fn prefix(&mut self, token: Token) -> Outcome<Raw> {
        let position = token.position;
        let kind = match token.kind {
            Kind::End => RawKind::End,
            Kind::Null => RawKind::Null,
            Kind::Bool(value) => RawKind::Bool(value),
            Kind::Number(value) => RawKind::Number(value),
            Kind::String(text) => RawKind::String(text),
            Kind::Name(name) => RawKind::Name(name),
            Kind::Variable(name) => RawKind::Variable(name),
            Kind::Regex { pattern, flags } => RawKind::Regex { pattern, flags },
            Kind::Operator(operator) => self.prefix_operator(operator, position)?,
        };
        Raw::new(kind, position)
    }

    fn prefix_operator(&mut self, operator: &'static str, position: usize) -> Outcome<RawKind> {
        Ok(match operator {
            "and" | "or" | "in" => RawKind::Operator(operator),
            "-" => RawKind::Negate(self.boxed(70)?),
            "*" => RawKind::Wildcard,
            "**" => RawKind::Descendant,
            "%" => RawKind::Parent,
            "(" => self.block()?,
            "[" => self.array()?,
            "{" => RawKind::Object(self.pairs()?),
            "|" => self.transform()?,
            _ => return Err(Error::new("S0211").at(position).with_token(operator)),
        })
    }

    fn infix(&mut self, left: Raw, token: &Token) -> Outcome<Raw> {
        let position = token.position;
        let Kind::Operator(operator) = token.kind else { return Ok(left) };
        let power = binding_power(&token.kind);
        let kind = match operator {
            "(" => return self.call(left, position),
            "[" => return self.filter(left, position),
            "{" => RawKind::Group { lhs: Box::new(left), pairs: self.pairs()? },
            "^" => self.sort(left)?,
            ":=" => self.bind(left)?,
            "@" | "#" => self.stream_variable(left, operator)?,
            "?" => self.condition(left)?,
            "??" => RawKind::Coalesce { lhs: Box::new(left), rhs: self.boxed(0)? },
            "?:" => RawKind::Default { lhs: Box::new(left), rhs: self.boxed(0)? },
            _ => RawKind::Binary { operator, lhs: Box::new(left), rhs: self.boxed(power)? },
        };
        Raw::new(kind, position)
    }

    fn block(&mut self) -> Outcome<RawKind> {
        let mut expressions = Vec::new();
        while !self.is(")") {
            expressions.push(self.expression(0)?);
            if !self.take(";")? {
                break;
            }
        }
        self.expect(")", true)?;
        Ok(RawKind::Block(expressions))
    }

    fn array(&mut self) -> Outcome<RawKind> {
        let mut elements = Vec::new();
        while !self.is("]") || !elements.is_empty() {
            let mut element = self.expression(0)?;
            if self.is("..") {
                let position = self.token.position;
                self.advance(false)?;
                let rhs = self.boxed(0)?;
                let kind = RawKind::Binary { operator: "..", lhs: Box::new(element), rhs };
                element = Raw::new(kind, position)?;
            }
            elements.push(element);
            if !self.take(",")? {
                break;
            }
        }
        self.expect("]", true)?;
        Ok(RawKind::Array(elements))
    }

    fn pairs(&mut self) -> Outcome<Vec<RawPair>> {
        let mut pairs = Vec::new();
        while !self.is("}") || !pairs.is_empty() {
            let key = self.expression(0)?;
            self.expect(":", false)?;
            pairs.push((key, self.expression(0)?));
            if !self.take(",")? {
                break;
            }
        }
        self.expect("}", true)?;
        Ok(pairs)
    }

    fn transform(&mut self) -> Outcome<RawKind> {
        let pattern = self.boxed(0)?;
        self.expect("|", false)?;
        let update = self.boxed(0)?;
        let delete = if self.take(",")? { Some(self.boxed(0)?) } else { None };
        self.expect("|", false)?;
        Ok(RawKind::Transform { pattern, update, delete })
    }

    /// `[]` marks the innermost node that carries predicates; anything else between the brackets is
    /// a predicate.
    fn filter(&mut self, mut left: Raw, position: usize) -> Outcome<Raw> {
        if self.is("]") {
            let mut step = &mut left;
            while let RawKind::Filter { lhs, .. } = &mut step.kind {
                step = lhs;
            }
            step.keep_array = true;
            self.advance(false)?;
            return Ok(left);
        }
        let predicate = self.boxed(0)?;
        self.expect("]", true)?;
        Raw::new(RawKind::Filter { lhs: Box::new(left), predicate }, position)
    }

    fn sort(&mut self, left: Raw) -> Outcome<RawKind> {
        self.expect("(", false)?;
        let mut terms = Vec::new();
        loop {
            let descending = self.take(">")?;
            if !descending {
                self.take("<")?;
            }
            terms.push(RawTerm { descending, expression: self.expression(0)? });
            if !self.take(",")? {
                break;
            }
        }
        self.expect(")", false)?;
        Ok(RawKind::Sort { lhs: Box::new(left), terms })
    }

    fn bind(&mut self, left: Raw) -> Outcome<RawKind> {
        if !matches!(left.kind, RawKind::Variable(_)) {
            return Err(Error::new("S0212").at(left.position).with_token(left.token()));
        }
        // Binds to the right: one less than its own power.
        let rhs = self.boxed(9)?;
        Ok(RawKind::Binary { operator: ":=", lhs: Box::new(left), rhs })
    }

    fn stream_variable(&mut self, left: Raw, operator: &'static str) -> Outcome<RawKind> {
        let rhs = self.boxed(80)?;
        if !matches!(rhs.kind, RawKind::Variable(_)) {
            return Err(Error::new("S0214").at(rhs.position).with_token(operator));
        }
        Ok(RawKind::Binary { operator, lhs: Box::new(left), rhs })
    }

    fn condition(&mut self, left: Raw) -> Outcome<RawKind> {
        let then = self.boxed(0)?;
        let otherwise = if self.take(":")? { Some(self.boxed(0)?) } else { None };
        Ok(RawKind::Condition { condition: Box::new(left), then, otherwise })
    }

    fn call(&mut self, left: Raw, position: usize) -> Outcome<Raw> {
        let mut arguments = Vec::new();
        let mut partial = false;
        while !self.is(")") || !arguments.is_empty() {
            if self.is("?") {
                partial = true;
                arguments.push(Raw::new(RawKind::Operator("?"), self.token.position)?);
                self.advance(false)?;
            } else {
                arguments.push(self.expression(0)?);
            }
            if !self.take(",")? {
                break;
            }
        }
        self.expect(")", true)?;
        let kind = match &left.kind {
            RawKind::Name(name) if matches!(&**name, "function" | "λ") => {
                self.lambda(&arguments)?
            }
            _ => RawKind::Call { procedure: Box::new(left), arguments, partial },
        };
        Raw::new(kind, position)
    }

    fn lambda(&mut self, arguments: &[Raw]) -> Outcome<RawKind> {
        let parameter = |(at, argument): (usize, &Raw)| match &argument.kind {
            RawKind::Variable(name) => Ok(name.clone()),
            _ => {
                let error = Error::new("S0208").at(argument.position).with_token(argument.token());
                Err(error.with_json("value", &(at + 1).to_string()))
            }
        };
        let parameters: Vec<Arc<str>> =
            arguments.iter().enumerate().map(parameter).collect::<Outcome<_>>()?;
        let signature = if self.is("<") { Some(Box::new(self.signature()?)) } else { None };
        self.expect("{", false)?;
        let body = self.boxed(0)?;
        self.expect("}", false)?;
        Ok(RawKind::Lambda { parameters, signature, body })
    }

    /// A signature is read token by token, so blanks in it do not count.
    fn signature(&mut self) -> Outcome<Signature> {
        let position = self.token.position;
        let mut depth = 1;
        let mut text = "<".to_owned();
        while depth > 0 && !self.is("{") && self.token.kind != Kind::End {
            self.advance(false)?;
            if self.is(">") {
                depth -= 1;
            } else if self.is("<") {
                depth += 1;
            }
            text.push_str(&shown(&self.token.kind));
        }
        self.expect(">", false)?;
        Signature::parse(&text).map_err(|(error, offset)| error.at(position + offset))
    }
}

impl Token {
    /// An error of that code about the token.
    fn blamed(&self, code: &'static str) -> Box<Error> {
        let text = shown(&self.kind);
        let error = Error::new(code).at(self.position).with_token(&*text);
        match self.kind {
            Kind::Number(_) | Kind::Null | Kind::Bool(_) => error.with_json("token", &text),
            _ => error,
        }
    }
}

/// The token as an error spells it.
fn shown(kind: &Kind) -> String {
    match kind {
        Kind::Operator(operator) => (*operator).to_owned(),
        Kind::Name(text) | Kind::Variable(text) | Kind::String(text) => text.to_string(),
        Kind::Number(value) => value.to_string(),
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Regex { pattern, .. } => pattern.to_string(),
        Kind::End => "(end)".to_owned(),
    }
}
