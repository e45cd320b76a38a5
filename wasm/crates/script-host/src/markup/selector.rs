//! What elements are found by: the selectors that scripts use. Pseudo-classes are passed over, and what stands before a sign for
//! neighbours: more is found then, never less.

use super::Page;

/// Bytes of a selector, and what it may be made of.
const MAX_TEXT: usize = 1_000;
const MAX_PARTS: usize = 16;

/// What a form has under names.
pub const CONTROLS: [&str; 7] = ["input", "textarea", "select", "button", "output", "object", "fieldset"];

/// Any of these; of each the last is the element, the others stand around it.
pub struct Selector(Vec<Vec<Compound>>);

#[derive(Default)]
struct Compound {
    tag: Option<String>,
    /// All of them.
    attributes: Vec<(String, Test)>,
}

enum Test {
    There,
    Equal(String),
    Word(String),
    Begins(String),
    Ends(String),
    Contains(String),
    /// It, or it and a hyphen.
    Language(String),
}

impl Selector {
    /// None for what cannot be read, or is longer than any that a script uses.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.trim() };
        if reader.rest.len() > MAX_TEXT {
            return None;
        }
        let mut all = vec![Vec::new()];
        while !reader.rest.is_empty() {
            if reader.takes(',') {
                all.push(Vec::new());
            } else if reader.takes('>') || reader.rest.starts_with(char::is_whitespace) {
                reader.rest = reader.rest.trim_start();
            } else if reader.takes('+') || reader.takes('~') {
                all.last_mut()?.clear();
            } else {
                let compound = reader.compound()?;
                all.last_mut()?.push(compound);
            }
        }
        let is_one = all.len() <= MAX_PARTS && all.iter().all(|parts| (1..=MAX_PARTS).contains(&parts.len()));
        is_one.then_some(Self(all))
    }

    /// What a member of the page's objects looks for.
    #[must_use]
    pub fn by(member: &str, what: &str) -> Option<Self> {
        Some(match member {
            "getElementsByTagName" => Self::tag(what),
            "getElementsByClassName" => Self::classes(what),
            "getElementsByName" => Self::attribute("name", what),
            "forms" => Self::tag("form"),
            "scripts" => Self::tag("script"),
            "images" => Self::tag("img"),
            "all" => Self::tag("*"),
            "options" => Self::tag("option"),
            "elements" => Self::any_of(&CONTROLS),
            _ => return Self::read(what),
        })
    }

    /// Elements of a kind; `*` for all.
    #[must_use]
    pub fn tag(name: &str) -> Self {
        let tag = Some(name.trim().to_owned()).filter(|name| name != "*");
        Self(vec![vec![Compound { tag, attributes: Vec::new() }]])
    }

    /// Elements with an attribute of that value.
    fn attribute(name: &str, value: &str) -> Self {
        let test = (name.to_owned(), Test::Equal(value.to_owned()));
        Self(vec![vec![Compound { tag: None, attributes: vec![test] }]])
    }

    /// Elements of all of the classes.
    fn classes(names: &str) -> Self {
        let names = names.split_whitespace().take(MAX_PARTS);
        let attributes = names.map(|name| ("class".to_owned(), Test::Word(name.to_owned()))).collect();
        Self(vec![vec![Compound { tag: None, attributes }]])
    }

    /// Any of these kinds of elements.
    fn any_of(tags: &[&str]) -> Self {
        let one = |tag: &&str| vec![Compound { tag: Some((*tag).to_owned()), attributes: Vec::new() }];
        Self(tags.iter().map(one).collect())
    }

    pub(super) fn fits(&self, page: &Page, node: usize) -> bool {
        self.0.iter().any(|parts| {
            let Some((last, around)) = parts.split_last() else { return false };
            if !last.fits(page, node) {
                return false;
            }
            let mut around = around.iter().rev().peekable();
            let mut outer = page.parent(node);
            while let (Some(part), Some(node)) = (around.peek(), outer) {
                if part.fits(page, node) {
                    around.next();
                }
                outer = page.parent(node);
            }
            around.peek().is_none()
        })
    }
}

impl Compound {
    fn fits(&self, page: &Page, node: usize) -> bool {
        let is_tag = self.tag.as_ref().is_none_or(|tag| page.is_named(node, tag));
        is_tag
            && self
                .attributes
                .iter()
                .all(|(name, test)| page.attribute(node, name).is_some_and(|value| test.fits(&value)))
    }
}

impl Test {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::There => true,
            Self::Equal(other) => value == other,
            Self::Word(word) => value.split_whitespace().any(|known| known == word),
            Self::Begins(part) => !part.is_empty() && value.starts_with(part.as_str()),
            Self::Ends(part) => !part.is_empty() && value.ends_with(part.as_str()),
            Self::Contains(part) => !part.is_empty() && value.contains(part.as_str()),
            Self::Language(part) => {
                value.strip_prefix(part.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        if let Some(rest) = rest {
            self.rest = rest.trim_start();
        }
        rest.is_some()
    }

    /// A name; a backslash before a sign makes it a letter.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut signs = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '\\' => name.extend(signs.next().map(|(_, sign)| sign)),
                sign if sign.is_alphanumeric() || matches!(sign, '-' | '_') => name.push(sign),
                _ => {
                    end = at;
                    break;
                }
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(name).filter(|name| !name.is_empty())
    }

    fn compound(&mut self) -> Option<Compound> {
        let mut made = Compound::default();
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
        } else if !self.rest.starts_with(['#', '.', '[', ':']) {
            made.tag = Some(self.name()?);
        }
        while let Some(sign @ ('#' | '.' | '[' | ':')) = self.rest.chars().next() {
            self.rest = &self.rest[1..];
            match sign {
                '#' => made.attributes.push(("id".to_owned(), Test::Equal(self.name()?))),
                '.' => made.attributes.push(("class".to_owned(), Test::Word(self.name()?))),
                '[' => made.attributes.push(self.attribute()?),
                _ => self.pass_pseudo()?,
            }
        }
        Some(made)
    }

    /// Behind the bracket, with the one that ends it.
    fn attribute(&mut self) -> Option<(String, Test)> {
        let (inner, value) = self.rest.split_at(self.rest.find(['=', ']'])?);
        let (name, sign) = match inner.trim_end().chars().last()? {
            sign @ ('~' | '^' | '$' | '*' | '|') => (inner.trim_end().strip_suffix(sign)?, sign),
            _ => (inner, '='),
        };
        let name = name.trim().to_ascii_lowercase();
        let Some(value) = value.strip_prefix('=') else {
            self.rest = value.get(1..)?;
            return Some((name, Test::There));
        };
        let value = value.trim_start();
        let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\''));
        let value = value.get(usize::from(quote.is_some())..)?;
        let (value, rest) = value.split_at(value.find(quote.unwrap_or(']'))?);
        self.rest = rest.get(rest.find(']')? + 1..)?;
        let value = if quote.is_some() { value } else { value.trim() }.to_owned();
        let test = match sign {
            '~' => Test::Word(value),
            '^' => Test::Begins(value),
            '$' => Test::Ends(value),
            '*' => Test::Contains(value),
            '|' => Test::Language(value),
            _ => Test::Equal(value),
        };
        Some((name, test))
    }

    fn pass_pseudo(&mut self) -> Option<()> {
        self.rest = self.rest.trim_start_matches(':');
        self.name()?;
        if self.rest.starts_with('(') {
            self.rest = self.rest.get(self.rest.find(')')? + 1..)?;
        }
        Some(())
    }
}
