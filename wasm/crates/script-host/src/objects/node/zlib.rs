//! What Node.js unpacks: deflated data, with or without a frame around it.

use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};
use module_kit::Gzip;

use crate::limits::MAX_BYTES;

/// By the name of the function; None for a method that is not known here, and for what is damaged.
pub fn unpacked(function: &str, packed: &[u8]) -> Option<Vec<u8>> {
    match function.strip_suffix("Sync").unwrap_or(function) {
        "inflate" => decompress_to_vec_zlib_with_limit(packed, MAX_BYTES).ok(),
        "inflateRaw" => decompress_to_vec_with_limit(packed, MAX_BYTES).ok(),
        "gunzip" => decompress_to_vec_with_limit(Gzip::read(packed)?.body, MAX_BYTES).ok(),
        "unzip" if packed.starts_with(&[0x1f, 0x8b]) => unpacked("gunzip", packed),
        "unzip" => unpacked("inflate", packed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::unpacked;

    #[test]
    fn each_frame_is_taken_off() {
        // `eval` deflated, in a gzip file with a name, and in zlib's frame.
        let raw = [0x4b, 0x2d, 0x4b, 0xcc, 0x01, 0x00];
        let gzip = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, b'a', 0][..], &raw].concat();
        let zlib = [&[0x78, 0x9c][..], &raw, &[0x04, 0x28, 0x01, 0xa9]].concat();
        assert_eq!(unpacked("inflateRawSync", &raw).as_deref(), Some(&b"eval"[..]));
        assert_eq!(unpacked("unzipSync", &gzip).as_deref(), Some(&b"eval"[..]));
        assert_eq!(unpacked("unzipSync", &zlib).as_deref(), Some(&b"eval"[..]));
        assert_eq!(unpacked("gunzip", &gzip).as_deref(), Some(&b"eval"[..]));
        assert_eq!(unpacked("gunzipSync", &gzip[..9]), None);
        assert_eq!(unpacked("brotliDecompressSync", &raw), None);
    }
}
