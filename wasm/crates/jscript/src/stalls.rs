//! Loops that do nothing but count until a number that is large: waiting without a clock.

use crate::scan::{Kind, Token, Tokens, tokens};

/// Turns that take about as many instructions as a run may have.
const MANY: f64 = 1_000_000.0;
/// Loops of a text that are looked at, and bytes of each.
const MAX_LOOPS: usize = 10_000;
const MAX_LENGTH: usize = 400;
const MAX_NESTING: usize = 4;
/// Words that leave a loop, or that do something.
const ACTS: [&str; 14] = [
    "break", "return", "throw", "new", "delete", "function", "yield", "await", "if", "else", "try", "switch", "class",
    "in",
];

/// The first such loop of a script.
pub fn counting(source: &str) -> Option<&str> {
    let loops = tokens(source).filter(|token| token.kind == Kind::Word && is_loop(token.text));
    loops.take(MAX_LOOPS).find_map(|token| {
        let longest = source.len().min(token.at + MAX_LENGTH);
        let end = (token.at..=longest).rev().find(|&end| source.is_char_boundary(end))?;
        let text = source.get(token.at..end)?;
        let mut found = Loop { tokens: tokens(text), next: None, end: 0, turns: 1.0 };
        found.advance();
        found.statement(0)?;
        if found.turns >= MANY { text.get(..found.end) } else { None }
    })
}

fn is_loop(word: &str) -> bool {
    matches!(word, "for" | "while" | "do")
}

struct Loop<'a> {
    tokens: Tokens<'a>,
    next: Option<Token<'a>>,
    /// Of what was read.
    end: usize,
    /// As far as numbers in the heads say it.
    turns: f64,
}

impl<'a> Loop<'a> {
    fn advance(&mut self) -> Option<Token<'a>> {
        let read = std::mem::replace(&mut self.next, self.tokens.next());
        self.end = read.map_or(self.end, |token| token.at + token.text.len());
        read
    }

    fn takes(&mut self, text: &str) -> Option<()> {
        self.advance().filter(|token| token.text == text).map(drop)
    }

    /// A loop, a block, or expressions that only count.
    fn statement(&mut self, depth: usize) -> Option<()> {
        let next = self.next.filter(|_| depth < MAX_NESTING)?;
        match next.text {
            "for" | "while" => {
                self.advance();
                self.head()?;
                self.statement(depth + 1)
            }
            "do" => {
                self.advance();
                self.statement(depth + 1)?;
                self.takes("while")?;
                self.head()
            }
            "{" => {
                self.advance();
                while self.next?.text != "}" {
                    self.statement(depth + 1)?;
                }
                self.takes("}")
            }
            _ => {
                while !matches!(self.next?.text, ";" | "}") {
                    is_counting(&self.advance()?)?;
                }
                // The brace is the block's.
                if self.next?.text == ";" { self.takes(";") } else { Some(()) }
            }
        }
    }

    fn head(&mut self) -> Option<()> {
        self.takes("(")?;
        let mut largest = 1.0_f64;
        while self.next?.text != ")" {
            let token = self.advance()?;
            is_counting(&token)?;
            largest = largest.max(number(token.text).unwrap_or(0.0));
        }
        self.turns *= largest;
        self.takes(")")
    }
}

fn is_counting(token: &Token<'_>) -> Option<()> {
    let counts = match token.kind {
        Kind::Word => !ACTS.contains(&token.text) && !is_loop(token.text),
        Kind::Sign => !matches!(token.text, "(" | ")" | "[" | "]" | "{" | "}" | "."),
        Kind::Text | Kind::Value => false,
    };
    counts.then_some(())
}

fn number(word: &str) -> Option<f64> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => word.parse().ok().filter(|_| word.starts_with(|char: char| char.is_ascii_digit())),
    }
}

#[cfg(test)]
mod tests {
    use super::counting;

    #[test]
    fn loops_that_only_count_are_known() {
        for (script, expected) in [
            ("x(); for(i=0;i<3e7;i++){n+=i} y()", Some("for(i=0;i<3e7;i++){n+=i}")),
            ("for (var i = 30000000; i; i--); y()", Some("for (var i = 30000000; i; i--);")),
            ("while (i < 0xfffffff) i++; y()", Some("while (i < 0xfffffff) i++;")),
            ("do { i++; n = n * 2 % 7 } while (i < 90000000)", Some("do { i++; n = n * 2 % 7 } while (i < 90000000)")),
            ("for(a=0;a<5000;a++)for(b=0;b<5000;b++){c=a}", Some("for(a=0;a<5000;a++)for(b=0;b<5000;b++){c=a}")),
            ("for(i=0;i<999999;i++);", None),
            ("for(i=0;i<3e7;i++){f(i)}", None),
            ("for(i=0;i<3e7;i++){if(i)break}", None),
            ("for(i=0;i<3e7;i++){a[i]=i}", None),
            ("for(i=0;i<3e7;i++){s+='a'}", None),
            ("for(i=0;i<f(3e7);i++);", None),
            ("for(i=0;i<3e7;i++)", None),
            ("'for(i=0;i<3e7;i++);'; // for(i=0;i<3e7;i++);", None),
            ("for(;;){{{{{{}}}}}}", None),
        ] {
            assert_eq!(counting(script), expected, "{script}");
        }
        let long = format!("for(i=0;i<3e7;i++){{{}}}", "\u{e4}=1;".repeat(200));
        assert_eq!(counting(&long), None);
    }
}
