//! Replacements of parts of a text.

/// Replacements, each of the bytes `start..end`.
#[derive(Debug, Default)]
pub struct Edits {
    list: Vec<(usize, usize, String)>,
}

impl Edits {
    pub fn add(&mut self, start: usize, end: usize, text: String) {
        if start <= end {
            self.list.push((start, end, text));
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The text with all replacements; one that is inside of another, or overlaps one before it, is left out.
    pub fn apply(mut self, text: &str) -> String {
        // Of those that begin together, the longest holds the others.
        self.list.sort_by(|one, two| one.0.cmp(&two.0).then(two.1.cmp(&one.1)));
        let mut done = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, replacement) in self.list {
            let Some(between) = text.get(at..start).filter(|_| text.is_char_boundary(end)) else { continue };
            done.push_str(between);
            done.push_str(&replacement);
            at = end;
        }
        done.push_str(text.get(at..).unwrap_or_default());
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_replacement_wins() {
        let mut edits = Edits::default();
        edits.add(2, 4, "x".to_owned());
        edits.add(0, 6, "outer ".to_owned());
        edits.add(6, 7, "!".to_owned());
        edits.add(90, 91, "beyond".to_owned());
        assert_eq!(edits.apply("abcdefgh"), "outer !h");
    }
}
