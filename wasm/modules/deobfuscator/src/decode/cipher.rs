//! Ciphers that scripts use: XOR, RC4, moved letters.

pub fn xor(data: &[u8], key: &[u8]) -> Vec<u8> {
    data.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

pub fn subtract(data: &[u8], key: &[u8]) -> Vec<u8> {
    data.iter().zip(key.iter().cycle()).map(|(byte, key)| byte.wrapping_sub(*key)).collect()
}

/// RC4 with a key of 1 to 256 bytes; of a longer one the first 256 count.
pub fn rc4(data: &[u8], key: &[u8]) -> Vec<u8> {
    let mut state: [u8; 256] = std::array::from_fn(|index| index.to_le_bytes()[0]);
    let mut other = 0_u8;
    for (index, &byte) in (0..256).zip(key.iter().take(256).cycle()) {
        other = other.wrapping_add(state[index]).wrapping_add(byte);
        state.swap(index, usize::from(other));
    }
    let (mut one, mut other) = (0_u8, 0_u8);
    data.iter()
        .map(|byte| {
            one = one.wrapping_add(1);
            other = other.wrapping_add(state[usize::from(one)]);
            state.swap(usize::from(one), usize::from(other));
            byte ^ state[usize::from(state[usize::from(one)].wrapping_add(state[usize::from(other)]))]
        })
        .collect()
}

/// Letters moved back by `by` places.
pub fn rot(data: &[u8], by: u8) -> Vec<u8> {
    let forward = 26 - by % 26;
    let moved = |byte: u8, first: u8| first + (byte - first + forward) % 26;
    data.iter()
        .map(|&byte| match byte {
            b'a'..=b'z' => moved(byte, b'a'),
            b'A'..=b'Z' => moved(byte, b'A'),
            _ => byte,
        })
        .collect()
}

pub fn rot47(data: &[u8]) -> Vec<u8> {
    data.iter().map(|&byte| if (33..127).contains(&byte) { 33 + (byte - 33 + 47) % 94 } else { byte }).collect()
}
