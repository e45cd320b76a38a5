//! As much of XML as documents need: tags, attributes and text, one after the other, of whatever is not quite XML too.

/// A tag and the text behind it.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    tag: &'a str,
    text: &'a str,
}

/// All tags, in their order. In well-formed XML `<` begins a tag and nothing else.
pub fn pieces(document: &str) -> impl Iterator<Item = Piece<'_>> {
    document.split('<').skip(1).map(|piece| {
        let end = tag_end(piece);
        Piece { tag: &piece[..end], text: piece.get(end + 1..).unwrap_or_default() }
    })
}

/// The `>` that is not within quotes.
fn tag_end(piece: &str) -> usize {
    let mut quote = None;
    for (at, byte) in piece.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    // A quote that is never closed hides nothing.
    piece.find('>').unwrap_or(piece.len())
}

impl<'a> Piece<'a> {
    /// Without a prefix; `/name` for an end.
    pub fn name(&self) -> &'a str {
        let name = self.tag.split(|letter: char| letter.is_ascii_whitespace()).next().unwrap_or_default();
        let name = if name.len() > 1 { name.trim_end_matches('/') } else { name };
        match name.rsplit_once(':') {
            Some((prefix, local)) if !prefix.starts_with('/') => local,
            _ => name,
        }
    }

    /// Whether it is the end of `name`.
    pub fn ends(&self, name: &str) -> bool {
        self.tag.strip_prefix('/').is_some_and(|end| end.trim().rsplit(':').next() == Some(name))
    }

    pub fn is_empty_element(&self) -> bool {
        self.tag.ends_with('/')
    }

    /// Text up to the next tag.
    pub fn text(&self) -> String {
        unescape(self.text)
    }

    /// The same as it stands there.
    pub fn raw_text(&self) -> &'a str {
        self.text
    }

    pub fn attribute(&self, name: &str) -> Option<String> {
        self.raw_attribute(name).map(unescape)
    }

    /// The value of an attribute, in quotes of either kind, with whatever prefix.
    pub fn raw_attribute(&self, name: &str) -> Option<&'a str> {
        self.tag.match_indices(name).find_map(|(at, _)| {
            let value = self.tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let is_whole = |letter: char| letter.is_ascii_whitespace() || letter == ':';
            self.tag[..at].ends_with(is_whole).then_some(())?;
            value[1..].split_once(quote).map(|(value, _)| value)
        })
    }
}

/// Resolves `&amp;`, `&#65;` and their like.
pub fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.as_bytes().iter().take(12).position(|&byte| byte == b';');
        match entity.and_then(|end| Some((end, character(&rest[1..end])?))) {
            Some((end, letter)) => {
                plain.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32)
        }
    }
}

/// Text of an XML part, in UTF-8 or UTF-16: the zero bytes of the latter are taken out.
pub fn decode(mut content: Vec<u8>) -> String {
    content.retain(|&byte| byte != 0);
    String::from_utf8(content).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_text() {
        let all: Vec<_> = pieces("<a:b x='1>2' r:id = \"&#65;&amp;\">t&lt;</a:b><c/>").collect();
        assert_eq!(
            (all[0].name(), all[0].attribute("x"), all[0].attribute("id")),
            ("b", Some("1>2".into()), Some("A&".into()))
        );
        assert_eq!((all[0].text(), all[0].attribute("d")), ("t<".into(), None));
        assert!(all[1].ends("b") && all[2].is_empty_element() && all[2].name() == "c");
        assert_eq!(pieces("<a x='>b").next().map(|piece| piece.text()), Some("b".into()));
    }

    #[test]
    fn odd_entities_stay() {
        assert_eq!(unescape("a & b &nope; &#x41; &#xffffffff;&"), "a & b &nope; A &#xffffffff;&");
    }
}
