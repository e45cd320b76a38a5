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

    pub fn sort(&mut self) {
        // Of those that begin together, the longest holds the others.
        self.list.sort_by(|one, two| one.0.cmp(&two.0).then(two.1.cmp(&one.1)));
    }

    /// A part of the text with the replacements in it, which were sorted before.
    pub fn within(&self, text: &str, start: usize, end: usize) -> String {
        let behind = self.list.get(self.list.partition_point(|one| one.0 < start)..).unwrap_or_default();
        let inner = behind.iter().take_while(|one| one.0 < end).filter(|one| one.1 <= end);
        let list = inner.map(|(from, to, text)| (from - start, to - start, text.clone())).collect();
        Self { list }.apply(text.get(start..end).unwrap_or_default())
    }

    /// The text with all replacements; one that is inside of another, or overlaps one before it, is left out.
    pub fn apply(mut self, text: &str) -> String {
        self.sort();
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
    fn a_part_has_its_own_replacements() {
        let mut edits = Edits::default();
        edits.add(5, 6, "y".to_owned());
        edits.add(2, 3, "x".to_owned());
        edits.add(0, 4, "over the edge".to_owned());
        edits.sort();
        assert_eq!(edits.within("abcdefgh", 2, 6), "xdey");
    }

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
