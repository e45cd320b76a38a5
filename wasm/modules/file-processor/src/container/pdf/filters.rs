//! How streams are packed (ISO 32000-2, 7.4): chains of filters, and predictors.

use super::object::{Dictionary, Object};
use crate::container::inflate;

/// Filters in a row: honest streams have one or two.
const MAX_FILTERS: usize = 8;

/// The content of a stream, at most `limit` bytes; None for pictures and what is not known.
pub fn decode(raw: &[u8], dictionary: &Dictionary, limit: usize) -> Option<Vec<u8>> {
    let names = list(dictionary.get("Filter").or_else(|| dictionary.get("F")));
    let parameters = list(dictionary.get("DecodeParms").or_else(|| dictionary.get("DP")));
    if names.len() > MAX_FILTERS {
        return None;
    }
    let mut content = raw[..raw.len().min(limit)].to_vec();
    for (index, name) in names.iter().enumerate() {
        let Object::Name(name) = name else { return None };
        let parameters = parameters.get(index).and_then(|object| object.dictionary());
        let input = if index == 0 { raw } else { &content };
        content = one(input, &name.text, parameters, limit)?;
    }
    Some(content)
}

/// An object is a list of one.
fn list(object: Option<&Object>) -> &[Object] {
    match object {
        Some(Object::Array(items)) => items,
        Some(Object::Null) | None => &[],
        Some(object) => std::slice::from_ref(object),
    }
}

fn one(data: &[u8], name: &str, parameters: Option<&Dictionary>, limit: usize) -> Option<Vec<u8>> {
    let content = match name {
        "FlateDecode" | "Fl" => flate(data, limit),
        "LZWDecode" | "LZW" => {
            let early = parameters.and_then(|it| it.number("EarlyChange")).unwrap_or(1) != 0;
            lzw(data, early, limit)
        }
        "ASCIIHexDecode" | "AHx" => return Some(hexadecimal(until(data, b'>'))),
        "ASCII85Decode" | "A85" => return Some(base85(data, limit)),
        "RunLengthDecode" | "RL" => return Some(run_length(data, limit)),
        "Crypt" => return Some(data.to_vec()),
        _ => return None,
    };
    Some(match parameters.map(|it| (it.number("Predictor").unwrap_or(1), it)) {
        Some((2, parameters)) => tiff(content, &Row::of(parameters)),
        Some((10.., parameters)) => png(&content, &Row::of(parameters)),
        _ => content,
    })
}

fn until(data: &[u8], end: u8) -> &[u8] {
    &data[..data.iter().position(|&byte| byte == end).unwrap_or(data.len())]
}

/// Two bytes of zlib header stand before the deflate data, but for those who forgot them.
fn flate(data: &[u8], limit: usize) -> Vec<u8> {
    let has_header = matches!(data, [first, second, ..] if first & 15 == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0);
    let content = inflate(if has_header { &data[2..] } else { data }, limit);
    if content.is_empty() { inflate(data.get(2..).unwrap_or_default(), limit) } else { content }
}

pub fn hexadecimal(data: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = data
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect()
}

fn base85(data: &[u8], limit: usize) -> Vec<u8> {
    let data = data.strip_prefix(b"<~").unwrap_or(data);
    let mut bytes = Vec::new();
    let (mut group, mut count) = (0_u32, 0);
    for &byte in until(data, b'~') {
        if bytes.len() >= limit {
            break;
        }
        match byte {
            b'z' if count == 0 => bytes.extend([0; 4]),
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
                if count == 5 {
                    bytes.extend(group.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            group = group.wrapping_mul(85).wrapping_add(84);
        }
        bytes.extend(&group.to_be_bytes()[..count - 1]);
    }
    bytes
}

fn run_length(mut data: &[u8], limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        match (length, rest) {
            _ if bytes.len() >= limit => break,
            (128, _) => break,
            (0..128, _) => {
                let (copied, behind) = rest.split_at(rest.len().min(usize::from(length) + 1));
                bytes.extend(copied);
                data = behind;
            }
            (_, [byte, behind @ ..]) => {
                bytes.resize(bytes.len() + 257 - usize::from(length), *byte);
                data = behind;
            }
            _ => break,
        }
    }
    bytes
}

/// Codes of 9 to 12 bits; each names what was written before and one byte more.
fn lzw(data: &[u8], early: bool, limit: usize) -> Vec<u8> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let mut output: Vec<u8> = Vec::new();
    // Where in the output a code's bytes are.
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut previous: Option<(usize, usize)> = None;
    let (mut bits, mut have, mut width) = (0_u32, 0_u32, 9_u32);
    for &byte in data {
        bits = bits << 8 | u32::from(byte);
        have += 8;
        if have < width {
            continue;
        }
        have -= width;
        let code = (bits >> have & ((1 << width) - 1)) as usize;
        if code == CLEAR {
            table.clear();
            (previous, width) = (None, 9);
            continue;
        }
        if code == END || output.len() >= limit {
            break;
        }
        let start = output.len();
        match (code, previous) {
            (0..CLEAR, _) => output.push(u8::try_from(code).unwrap_or(0)),
            (_, Some((at, length))) => {
                // The code that is being made now: the previous one and its own first byte.
                let (at, length) = table.get(code - 258).copied().unwrap_or((at, length + 1));
                for index in at..at + length {
                    let Some(&byte) = output.get(index) else { return output };
                    output.push(byte);
                }
            }
            _ => break,
        }
        if let Some((at, length)) = previous
            && table.len() < 4_096 - 258
        {
            table.push((at, length + 1));
        }
        previous = Some((start, output.len() - start));
        let used = 258 + table.len() + 1 + usize::from(early);
        width = match used {
            0..=512 => 9,
            513..=1_024 => 10,
            1_025..=2_048 => 11,
            _ => 12,
        };
    }
    output
}

/// How rows of a predictor are laid out, in bytes.
struct Row {
    length: usize,
    pixel: usize,
}

impl Row {
    fn of(parameters: &Dictionary) -> Self {
        let number = |key: &str, default: i64, most: i64| {
            usize::try_from(parameters.number(key).unwrap_or(default).clamp(1, most)).unwrap_or(1)
        };
        let (colors, bits, columns) =
            (number("Colors", 1, 64), number("BitsPerComponent", 8, 32), number("Columns", 1, 1 << 20));
        Self { length: (colors * bits * columns).div_ceil(8), pixel: (colors * bits).div_ceil(8) }
    }
}

/// Each byte is the difference to the one a pixel before. Only whole bytes: others are pictures.
fn tiff(mut data: Vec<u8>, row: &Row) -> Vec<u8> {
    for line in data.chunks_mut(row.length) {
        for at in row.pixel..line.len() {
            line[at] = line[at].wrapping_add(line[at - row.pixel]);
        }
    }
    data
}

/// Rows with a byte before them that says from which neighbour they differ.
fn png(data: &[u8], row: &Row) -> Vec<u8> {
    let mut output: Vec<u8> = Vec::with_capacity(data.len());
    for line in data.chunks(row.length + 1) {
        let (kind, line) = (line[0], &line[1..]);
        let start = output.len();
        for (at, &byte) in line.iter().enumerate() {
            let left = if at >= row.pixel { output[start + at - row.pixel] } else { 0 };
            let up = if start >= row.length { output[start + at - row.length] } else { 0 };
            let corner =
                if at >= row.pixel && start >= row.length { output[start + at - row.length - row.pixel] } else { 0 };
            let predicted = match kind {
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => 0,
            };
            output.push(byte.wrapping_add(predicted));
        }
    }
    output
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |byte: u8| (estimate - i16::from(byte)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::Parser;
    use super::*;

    fn decoded(raw: &[u8], dictionary: &[u8]) -> Option<Vec<u8>> {
        let object = Parser::new(dictionary, 0).object()?;
        decode(raw, object.dictionary()?, 1 << 20)
    }

    #[test]
    fn filters_in_a_row() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(b"hello", 6);
        let written: String = packed.iter().map(|byte| format!("{byte:02x} ")).collect::<String>() + ">";
        assert_eq!(decoded(written.as_bytes(), b"<< /Filter [/ASCIIHexDecode /Fl] >>"), Some(b"hello".to_vec()));
        assert_eq!(decoded(b"x", b"<< /Filter /DCTDecode >>"), None);
        assert_eq!(decoded(b"x", b"<< >>"), Some(b"x".to_vec()));
    }

    #[test]
    fn texts_of_bytes() {
        assert_eq!(decoded(b"87cURD]i,\"Ebo80~>", b"<< /Filter /A85 >>"), Some(b"Hello World!".to_vec()));
        assert_eq!(decoded(b"<~z87c~>", b"<< /Filter /A85 >>"), Some(b"\0\0\0\0He".to_vec()));
        assert_eq!(decoded(b"\x01ab\xfec\x80zz", b"<< /Filter /RL >>"), Some(b"abccc".to_vec()));
    }

    #[test]
    fn lzw_is_the_specification_s_example() {
        // ISO 32000-2, 7.4.4.2.
        let packed = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        assert_eq!(decoded(&packed, b"<< /Filter /LZWDecode >>"), Some(vec![45, 45, 45, 45, 45, 65, 45, 45, 45, 66]));
    }

    #[test]
    fn predictors_undo_differences() {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(&[2, 1, 2, 3, 2, 1, 1, 1, 1, 5, 1, 1], 6);
        let up = decoded(&packed, b"<< /Filter /Fl /DecodeParms << /Predictor 12 /Columns 3 >> >>");
        assert_eq!(up, Some(vec![1, 2, 3, 2, 3, 4, 5, 6, 7]));
    }
}
