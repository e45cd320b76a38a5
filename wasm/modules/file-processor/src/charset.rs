//! Text in the character sets of documents and mail.

use encoding_rs::{
    BIG5, EUC_KR, Encoding, GBK, IBM866, ISO_8859_2, ISO_8859_5, ISO_8859_7, KOI8_R, MACINTOSH, SHIFT_JIS, UTF_8,
    UTF_16LE, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255,
    WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

/// Text in a code page of Windows, at most `max` characters.
pub fn decode_page(bytes: &[u8], page: u16, max: usize) -> String {
    decode_with(bytes, of_page(page), max)
}

/// Text in a character set by its name in mail and markup; one that is not known is read as UTF-8.
pub fn decode_named(bytes: &[u8], name: &str, max: usize) -> String {
    decode_with(bytes, Encoding::for_label(name.as_bytes()).unwrap_or(UTF_8), max)
}

fn decode_with(bytes: &[u8], encoding: &'static Encoding, max: usize) -> String {
    // Four bytes are the longest character: more of the input cannot be needed.
    let bytes = &bytes[..bytes.len().min(max.saturating_mul(4))];
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    if text.len() <= max { text.into_owned() } else { text.chars().take(max).collect() }
}

fn of_page(page: u16) -> &'static Encoding {
    match page {
        866 => IBM866,
        874 => WINDOWS_874,
        932 => SHIFT_JIS,
        936 => GBK,
        949 => EUC_KR,
        950 => BIG5,
        1200 => UTF_16LE,
        1250 => WINDOWS_1250,
        1251 => WINDOWS_1251,
        1253 => WINDOWS_1253,
        1254 => WINDOWS_1254,
        1255 => WINDOWS_1255,
        1256 => WINDOWS_1256,
        1257 => WINDOWS_1257,
        1258 => WINDOWS_1258,
        10_000 => MACINTOSH,
        20_866 => KOI8_R,
        28_592 => ISO_8859_2,
        28_595 => ISO_8859_5,
        28_597 => ISO_8859_7,
        65_001 => UTF_8,
        _ => WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_names_are_known() {
        assert_eq!(decode_page(&[0xcf, 0xf0], 1251, 9), "Пр");
        assert_eq!(decode_page(&[0x93, 0xfa], 932, 9), "日");
        assert_eq!(decode_named(&[0xe4], "ISO-8859-1", 9), "ä");
        assert_eq!(decode_named("äöü".as_bytes(), "no-such-set", 2), "äö");
    }
}
