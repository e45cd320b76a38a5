//! Attributes of a tag, as HTML reads them: a quote counts only behind an equals sign.

/// Names and raw values, in order. Where it ends, `at` is the place of the tag's `>`, or the end of the text.
pub struct Attributes<'a> {
    text: &'a str,
    pub at: usize,
    /// Whether the last sign before the end was a slash.
    pub is_closed: bool,
}

impl<'a> Attributes<'a> {
    /// From behind the tag's name on.
    pub const fn new(text: &'a str, at: usize) -> Self {
        Self { text, at, is_closed: false }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, is_one: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| is_one(**byte)).count();
    }

    fn taken(&mut self, is_one: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        self.skip(is_one);
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Behind the equals sign. None for a quote without an end: then there is no such tag.
    fn value(&mut self) -> Option<&'a str> {
        let Some(quote @ (b'"' | b'\'')) = self.byte() else {
            return Some(self.taken(|byte| !byte.is_ascii_whitespace() && byte != b'>'));
        };
        self.at += 1;
        let value = self.taken(|byte| byte != quote);
        let is_quoted = self.byte().is_some();
        self.at += usize::from(is_quoted);
        is_quoted.then_some(value)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b'/');
        self.is_closed = self.text.get(start..self.at).is_some_and(|between| between.ends_with('/'));
        if self.byte().is_none_or(|byte| byte == b'>') {
            return None;
        }
        let start = self.at;
        // A name may begin with an equals sign.
        self.at += usize::from(self.byte() == Some(b'='));
        self.skip(|byte| !byte.is_ascii_whitespace() && !b"/>=".contains(&byte));
        let name = self.text.get(start..self.at)?;
        let behind = self.at;
        self.skip(|byte| byte.is_ascii_whitespace());
        if self.byte() != Some(b'=') {
            self.at = behind;
            return Some((name, ""));
        }
        self.at += 1;
        self.skip(|byte| byte.is_ascii_whitespace());
        Some((name, self.value()?))
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    fn read(tag: &str) -> Vec<(&str, &str)> {
        Attributes::new(tag, 0).collect()
    }

    #[test]
    fn attributes_are_read_however_they_are_written() {
        let tag = " id=a\tDATA-X = 'b \" c' hidden value=\"d>\n\" =odd=1 href=/x/ y'z>rest";
        let expected = [
            ("id", "a"),
            ("DATA-X", "b \" c"),
            ("hidden", ""),
            ("value", "d>\n"),
            ("=odd", "1"),
            ("href", "/x/"),
            ("y'z", ""),
        ];
        assert_eq!(read(tag), expected);
        let mut all = Attributes::new(tag, 0);
        all.by_ref().for_each(drop);
        assert_eq!(tag.get(all.at..), Some(">rest"));
    }

    #[test]
    fn a_tag_without_an_end_has_none() {
        for tag in ["", " ", " id", " id=", " id='a", " id=\"a'>", "/", " \u{e4}=\u{e4}"] {
            let mut all = Attributes::new(tag, 0);
            all.by_ref().for_each(drop);
            assert_eq!(all.at, tag.len(), "{tag}");
        }
    }
}
