use std::fmt::Display;

/// `1 text`, `2 texts`: for words that take an s.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {one}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([counted(0_u8, "text"), counted(1_usize, "text")], ["0 texts", "1 text"]);
        assert_eq!([counted(2_u64, "text"), counted(257_u64, "text")], ["2 texts", "257 texts"]);
    }
}
