//! How deep a script nests, before a parser follows it: an upper bound, by its tokens alone. Where it is not certain
//! what a token is, the deeper reading counts. The same tokens tell which calls a script assigns to.

use script_facts::operators::COMPOUND;

/// Words behind which an expression or a statement goes on that the parser calls itself for.
const DEEPENING: [&str; 18] = [
    "if",
    "else",
    "for",
    "while",
    "do",
    "with",
    "new",
    "typeof",
    "void",
    "delete",
    "await",
    "yield",
    "return",
    "throw",
    "case",
    "in",
    "of",
    "instanceof",
];
/// Words behind whose parentheses a slash begins an expression.
const HEADS: [&str; 4] = ["if", "while", "for", "with"];

#[derive(Clone, Copy)]
struct Level {
    /// What deepened the statement or element that is read.
    run: usize,
    /// `else` without a block before it, so far.
    chain: usize,
    opened: u8,
    /// The parenthesis belongs to `if` or the like.
    head: bool,
    /// Where it began, if it holds what something before it is called with.
    call: Option<usize>,
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    levels: Vec<Level>,
    runs: usize,
    deepest: usize,
    /// A slash that comes now would divide.
    value: bool,
    word_head: bool,
    head_closed: bool,
    /// It is no longer certain what is code: nothing closes any more.
    lost: bool,
    /// The parentheses of the call that just ended.
    called: Option<(usize, usize)>,
    assigned: Vec<(usize, usize)>,
}

pub fn deepest(text: &str) -> usize {
    scanned(text).deepest
}

/// Where the parentheses of calls begin and end that something is assigned to, as `h.Option(4) = 13056`; none if it is
/// not certain what is code.
pub fn assigned_calls(text: &str) -> Vec<(usize, usize)> {
    let scan = scanned(text);
    if scan.lost { Vec::new() } else { scan.assigned }
}

fn scanned(text: &str) -> Scan<'_> {
    let first = Level { chain: 0, run: 0, opened: 0, head: false, call: None };
    let mut scan = Scan {
        text: text.as_bytes(),
        at: 0,
        levels: vec![first],
        runs: 0,
        deepest: 0,
        value: false,
        word_head: false,
        head_closed: false,
        lost: false,
        called: None,
        assigned: Vec::new(),
    };
    while scan.at < scan.text.len() && scan.deepest < 1 << 20 {
        scan.token();
    }
    scan
}

impl Scan<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn token(&mut self) {
        let byte = self.byte(self.at);
        self.assigned_call();
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'"' | b'\'' if !self.lost => self.quoted(byte),
            b'`' if !self.lost => {
                self.at += 1;
                self.template();
            }
            b'/' => self.slash(),
            b'(' | b'[' | b'{' => self.open(byte),
            b')' | b']' | b'}' => self.close(byte),
            b';' | b',' => {
                self.at += 1;
                self.value = false;
                self.end_run();
                if byte == b';' {
                    self.chain();
                }
            }
            b'!' | b'~' | b'?' | b':' => self.deepen(1),
            b'+' | b'-' => {
                let length = if self.byte(self.at + 1) == byte { 2 } else { 1 };
                if self.value {
                    self.at += length;
                    self.value = length == 2;
                } else {
                    self.deepen(length);
                }
            }
            b'*' if self.byte(self.at + 1) == b'*' => self.deepen(2),
            b'=' => match (self.byte(self.at + 1), self.byte(self.at + 2)) {
                (b'=', _) => {
                    self.at += 2;
                    self.value = false;
                }
                (b'>', _) => self.deepen(2),
                _ => self.deepen(1),
            },
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'\\' | 0x80..) => self.word(),
            _ => {
                self.at += 1;
                self.value = false;
            }
        }
    }

    /// Whether the call before is what the token here assigns to; blanks and comments may stand between.
    fn assigned_call(&mut self) {
        let Some(call) = self.called else { return };
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"//") || rest.starts_with(b"/*") || rest.first().is_some_and(u8::is_ascii_whitespace) {
            return;
        }
        self.called = None;
        let is_plain = rest.starts_with(b"=") && !matches!(rest.get(1), Some(b'=' | b'>'));
        if is_plain || COMPOUND.iter().any(|sign| rest.starts_with(sign)) {
            self.assigned.push(call);
        }
    }

    fn depth(&mut self) {
        self.deepest = self.deepest.max(self.levels.len() - 1 + self.runs);
    }

    fn deepen(&mut self, length: usize) {
        self.at += length;
        self.value = false;
        self.runs += 1;
        if let Some(level) = self.levels.last_mut() {
            level.run += 1;
        }
        self.depth();
    }

    fn end_run(&mut self) {
        if self.lost {
            return;
        }
        if let Some(level) = self.levels.last_mut() {
            self.runs -= level.run;
            level.run = 0;
        }
    }

    /// Each `else` lies within the one before.
    fn chain(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default().trim_ascii_start();
        let Some(level) = self.levels.last_mut() else { return };
        level.chain = if rest.starts_with(b"else") { level.chain + 1 } else { 0 };
        level.run += level.chain;
        self.runs += level.chain;
        self.depth();
    }

    fn open(&mut self, byte: u8) {
        let head = byte == b'(' && self.word_head;
        let call = (byte == b'(' && self.value && !head).then_some(self.at);
        self.levels.push(Level { chain: 0, run: 0, opened: byte, head, call });
        self.word_head = false;
        self.at += 1;
        self.value = false;
        self.depth();
    }

    fn close(&mut self, byte: u8) {
        self.at += 1;
        self.value = true;
        self.head_closed = false;
        if self.lost || self.levels.len() < 2 {
            return;
        }
        self.end_run();
        if let Some(level) = self.levels.pop() {
            self.head_closed = level.head;
            self.value = !level.head;
            self.called = level.call.filter(|_| byte == b')').map(|start| (start, self.at - 1));
            if level.opened == b'`' {
                return self.template();
            }
        }
        // A block that ends also ends the statement that it is of, but for what goes on behind it.
        if byte == b'}' && !self.goes_on() {
            self.end_run();
        }
    }

    /// `else`, an operator or a call may stand behind a block or a function.
    fn goes_on(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default().trim_ascii_start();
        rest.starts_with(b"else")
            || rest.first().is_some_and(|byte| {
                matches!(
                    byte,
                    b'(' | b'[' | b'.' | b'=' | b'?' | b':' | b'+' | b'-' | b'*' | b'/' | b'&' | b'|' | b')' | b','
                )
            })
    }

    fn word(&mut self) {
        let start = self.at;
        while matches!(self.byte(self.at), b'_' | b'$' | b'#' | b'\\' | 0x80..)
            || self.byte(self.at).is_ascii_alphanumeric()
        {
            self.at += 1;
        }
        let word = std::str::from_utf8(self.text.get(start..self.at).unwrap_or_default()).unwrap_or_default();
        let is_member = start > 0 && self.byte(start - 1) == b'.';
        self.word_head = HEADS.contains(&word) && !is_member;
        if DEEPENING.contains(&word) && !is_member {
            self.deepen(0);
        } else {
            self.value = true;
        }
    }

    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.text.len() {
            match self.byte(self.at) {
                b'\\' => self.at += 2,
                b'\n' => break,
                byte => {
                    self.at += 1;
                    if byte == quote {
                        break;
                    }
                }
            }
        }
        self.value = true;
    }

    /// Up to the end of a template, or to an expression in it.
    fn template(&mut self) {
        while self.at < self.text.len() {
            match (self.byte(self.at), self.byte(self.at + 1)) {
                (b'\\', _) => self.at += 2,
                (b'`', _) => {
                    self.at += 1;
                    break;
                }
                (b'$', b'{') => {
                    self.at += 2;
                    self.levels.push(Level { chain: 0, run: 0, opened: b'`', head: false, call: None });
                    self.value = false;
                    return self.depth();
                }
                _ => self.at += 1,
            }
        }
        self.value = true;
    }

    fn slash(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"//") && !self.lost {
            self.at += rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") && !self.lost {
            self.at += memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2);
        } else if self.lost {
            self.at += 1;
        } else if self.value {
            // Behind a block, a slash may also begin an expression: if there is one that it could end with, all is open.
            let before = self.text.get(..self.at).unwrap_or_default().trim_ascii_end().last();
            let line = rest.iter().skip(1).take_while(|byte| !matches!(byte, b'\n' | b'\r'));
            self.lost = before == Some(&b'}')
                && line.clone().any(|byte| *byte == b'/')
                && line.clone().any(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'[' | b'('));
            self.at += 1;
            self.value = false;
        } else {
            self.regex();
        }
    }

    fn regex(&mut self) {
        self.at += 1;
        let mut class = false;
        while self.at < self.text.len() {
            match self.byte(self.at) {
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => break,
                b'\n' | b'\r' => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        self.value = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_code_is_flat_and_nests_are_seen() {
        let honest = "function f(a){if(a){return [1,2,{b:3}]}else{return a?1:2}}\n".repeat(500);
        assert!(deepest(&honest) < 20, "{}", deepest(&honest));
        let strings = "x = '((((((('; y = /[(\"]((/; z = `(((${a}(((`; // ((((\n/* (((( */".repeat(100);
        assert!(deepest(&strings) < 20, "{}", deepest(&strings));
        for nest in [
            "(", "[", "{", "!", "-", "a?", "a=>", "if(1)", "new ", "a=", "for(;;)", "`${", "typeof ", "a**", "}/\"/+(",
            "l:",
        ] {
            let deep = deepest(&nest.repeat(3_000));
            assert!(deep >= 1_000, "{nest}: {deep}");
        }
    }
}
