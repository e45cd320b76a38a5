//! Programs that are written in signs alone, as encoders make them of any script: hardly a letter is left in them that
//! would tell the language.

/// What makes values of nothing in JavaScript; spaces left out.
const JAVASCRIPT: [&str; 8] = ["~[]", "![]", "+[]", "[]+", "!\"\"", "!''", "({}+", "{}+\"\""];

/// A program that is written in signs: there is hardly a letter or a digit, and names of other scripts stand between
/// signs. A long text or table of numbers is none.
pub fn is_program(text: &str) -> bool {
    let (mut all, mut signs, mut plain) = (0_usize, 0_usize, 0_usize);
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        all += 1;
        signs += usize::from(letter.is_ascii_punctuation());
        plain += usize::from(letter.is_ascii_alphanumeric());
    }
    all > 100 && plain * 12 < all && signs * 4 > all
}

/// Whether it is one of JavaScript. PowerShell's begin all names with a dollar and have braces around most.
pub fn is_javascript(text: &str) -> bool {
    if !is_program(text) {
        return false;
    }
    let dense: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let has = |sign: &&&str| dense.contains(**sign);
    // Its emoticons multiply and compare.
    let is_of_faces = dense.contains("ﾟωﾟﾉ=") && dense.contains("o^_^o");
    is_of_faces || (JAVASCRIPT.iter().filter(has).count() >= 2 && !dense.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_tables_are_not_written_in_signs() {
        assert!(is_program(&"(![]+[])[+[]]+".repeat(20)));
        assert!(is_program(&format!("ﾟωﾟﾉ= ['_']; o=(ﾟｰﾟ)=_=3; {}", "(ﾟДﾟ)[ﾟεﾟ]+(ﾟΘﾟ)+".repeat(20))));
        let table = "1,22,333,4444,".repeat(60);
        for text in [
            format!("self.TILE=[{table}];eval('DATA.sort()')"),
            format!("window.HELP='{}'", "打开文件并选择一个选项。".repeat(40)),
            format!("eval(unescape('{}'))", "%61%6c%65".repeat(60)),
            format!("eval('{}')", "\\u0061".repeat(60)),
        ] {
            assert!(!is_program(&text), "{text}");
        }
    }

    #[test]
    fn powershell_in_signs_and_rows_of_signs_are_not_javascript() {
        let powershell = "${;}=+$();${=}=${;};${+}=++${;};${@}=++${;};${.}=++${;};${[}=++${;};${]}=++${;};".repeat(3);
        for text in [powershell.as_str(), &"-=+=-".repeat(60), &"+---+---+\n|   |   |\n".repeat(20)] {
            assert!(!is_javascript(text), "{text}");
        }
    }
}
