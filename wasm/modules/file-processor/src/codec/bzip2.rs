//! bzip2: Huffman codes over a move-to-front list over a Burrows-Wheeler transform, in blocks. Written here since the
//! decoders to be had are bindings of the C interface, or are no longer kept up.

const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;
const MAX_CODE: usize = 20;
const GROUP: usize = 50;
/// Bytes of a block for each level.
const UNIT: usize = 100_000;

/// The streams one after the other; at most `limit` bytes.
pub fn unpack(data: &[u8], limit: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut bits = Bits { data, at: 0, held: 0, count: 0 };
    while let Some(()) = stream(&mut bits, limit, &mut output) {}
    output.truncate(limit);
    output
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// The next bits, at most 32, without moving on; zeros stand behind the end.
    fn peek(&mut self, bits: u32) -> u32 {
        while self.count <= 56 {
            let byte = self.data.get(self.at).copied().unwrap_or(0);
            self.held = self.held << 8 | u64::from(byte);
            self.at += 1;
            self.count += 8;
        }
        (self.held >> (self.count - bits) & ((1 << bits) - 1)) as u32
    }

    /// None behind the end.
    fn take(&mut self, bits: u32) -> Option<u32> {
        let value = self.peek(bits);
        self.count -= bits;
        (self.at - (self.count / 8) as usize <= self.data.len()).then_some(value)
    }

    fn bit(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    fn align(&mut self) {
        self.count -= self.count % 8;
    }
}

fn stream(bits: &mut Bits, limit: usize, output: &mut Vec<u8>) -> Option<()> {
    if bits.take(24)? != 0x42_5a68 {
        return None;
    }
    let level = bits.take(8)?.checked_sub(u32::from(b'0')).filter(|level| (1..=9).contains(level))?;
    loop {
        let magic = u64::from(bits.take(24)?) << 24 | u64::from(bits.take(24)?);
        let _checksum = bits.take(32)?;
        match magic {
            BLOCK => block(bits, level as usize * UNIT, limit, output)?,
            END => {
                bits.align();
                return Some(());
            }
            _ => return None,
        }
        if output.len() >= limit {
            return None;
        }
    }
}

/// One of a block's code tables: codes of each length are consecutive.
struct Codes {
    /// By length: the first code and the place of its symbol.
    first: [(u32, u32); MAX_CODE + 2],
    counts: [u32; MAX_CODE + 2],
    symbols: Vec<u16>,
}

impl Codes {
    fn new(lengths: &[u8]) -> Self {
        let mut codes = Self { first: [(0, 0); MAX_CODE + 2], counts: [0; MAX_CODE + 2], symbols: Vec::new() };
        lengths.iter().for_each(|&length| codes.counts[usize::from(length)] += 1);
        let (mut code, mut place) = (0_u32, 0_u32);
        for length in 1..=MAX_CODE {
            codes.first[length] = (code, place);
            code = code.wrapping_add(codes.counts[length]) << 1;
            place += codes.counts[length];
        }
        codes.symbols.resize(lengths.len(), 0);
        let mut next = codes.first.map(|(_, place)| place);
        for (symbol, &length) in lengths.iter().enumerate() {
            let place = &mut next[usize::from(length)];
            codes.symbols[*place as usize] = u16::try_from(symbol).unwrap_or(0);
            *place += 1;
        }
        codes
    }

    fn read(&self, bits: &mut Bits) -> Option<u16> {
        let next = bits.peek(MAX_CODE as u32);
        for length in 1..=MAX_CODE {
            let (first, place) = self.first[length];
            let code = next >> (MAX_CODE - length);
            if let Some(index) = code.checked_sub(first).filter(|&index| index < self.counts[length]) {
                bits.take(length as u32)?;
                return self.symbols.get((place + index) as usize).copied();
            }
        }
        None
    }
}

fn block(bits: &mut Bits, most: usize, limit: usize, output: &mut Vec<u8>) -> Option<()> {
    // The flag for blocks that were shuffled is set by versions before 1995 alone.
    let is_shuffled = bits.bit()?;
    let origin = bits.take(24)? as usize;
    let mut list = used_bytes(bits)?;
    let symbols = list.len() + 2;
    let groups = bits.take(3)? as usize;
    let selectors = bits.take(15)? as usize;
    if is_shuffled || list.is_empty() || !(2..=6).contains(&groups) || selectors == 0 {
        return None;
    }
    let selectors = read_selectors(bits, groups, selectors)?;
    let tables: Vec<Codes> = (0..groups).map(|_| code_table(bits, symbols)).collect::<Option<_>>()?;
    let (mut bytes, mut run, mut weight) = (Vec::new(), 0_usize, 1_usize);
    for number in 0.. {
        let table = tables.get(usize::from(*selectors.get(number / GROUP)?))?;
        let symbol = usize::from(table.read(bits)?);
        if symbol <= 1 {
            run += weight << symbol;
            weight <<= 1;
            if run > most {
                return None;
            }
            continue;
        }
        if run > 0 {
            bytes.resize(bytes.len() + run, u32::from(*list.first()?));
            (run, weight) = (0, 1);
        }
        if bytes.len() > most {
            return None;
        }
        if symbol == symbols - 1 {
            break;
        }
        let byte = list.remove(symbol - 1);
        list.insert(0, byte);
        bytes.push(u32::from(byte));
    }
    untransform(bytes, origin, limit, output)
}

/// Which bytes occur: sixteen groups of sixteen.
fn used_bytes(bits: &mut Bits) -> Option<Vec<u8>> {
    let groups = bits.take(16)?;
    let mut used = Vec::new();
    for group in (0..16_u8).filter(|group| groups >> (15 - group) & 1 == 1) {
        let members = bits.take(16)?;
        used.extend((0..16_u8).filter(|member| members >> (15 - member) & 1 == 1).map(|member| group * 16 + member));
    }
    Some(used)
}

fn read_selectors(bits: &mut Bits, groups: usize, count: usize) -> Option<Vec<u8>> {
    let mut list: Vec<u8> = (0..6).take(groups).collect();
    let mut selectors = Vec::with_capacity(count);
    for _ in 0..count {
        let mut place = 0;
        while bits.bit()? {
            place += 1;
        }
        if place >= groups {
            return None;
        }
        let selector = list.remove(place);
        list.insert(0, selector);
        selectors.push(selector);
    }
    Some(selectors)
}

fn code_table(bits: &mut Bits, symbols: usize) -> Option<Codes> {
    let mut length = bits.take(5)?;
    let mut lengths = Vec::with_capacity(symbols);
    for _ in 0..symbols {
        while bits.bit()? {
            length = if bits.bit()? { length.checked_sub(1)? } else { length + 1 };
        }
        if !(1..=MAX_CODE as u32).contains(&length) {
            return None;
        }
        lengths.push(length as u8);
    }
    Some(Codes::new(&lengths))
}

/// Undoes the transform: the upper 24 bits of each word become the place of the byte that follows. Then four equal
/// bytes are followed by the number of more of them.
fn untransform(mut words: Vec<u32>, origin: usize, limit: usize, output: &mut Vec<u8>) -> Option<()> {
    let mut places = [0_u32; 256];
    words.iter().for_each(|&byte| places[byte as usize & 0xff] += 1);
    let mut sum = 0;
    for place in &mut places {
        (*place, sum) = (sum, sum + *place);
    }
    for at in 0..words.len() {
        let place = &mut places[words[at] as usize & 0xff];
        words[*place as usize] |= (at as u32) << 8;
        *place += 1;
    }
    let mut next = *words.get(origin)? >> 8;
    let (mut last, mut repeated) = (None, 0);
    for _ in 0..words.len() {
        let word = words[next as usize];
        let byte = word as u8;
        next = word >> 8;
        if repeated == 4 {
            output.resize((output.len() + usize::from(byte)).min(limit), last.unwrap_or(0));
            (last, repeated) = (None, 0);
        } else {
            repeated = if last == Some(byte) { repeated + 1 } else { 1 };
            last = Some(byte);
            output.push(byte);
        }
        if output.len() >= limit {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `bzip2 -9` of "hello, hello, hello\n".
    const HELLO: &[u8] = &[
        0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 0xcb, 0x52, 0xe5, 0x67, 0x00, 0x00, 0x05, 0x51,
        0x00, 0x00, 0x10, 0x40, 0x04, 0x02, 0x44, 0xa0, 0x00, 0x21, 0x24, 0x31, 0x08, 0x60, 0x2f, 0x18, 0x44, 0xc7,
        0x15, 0x17, 0x8b, 0xb9, 0x22, 0x9c, 0x28, 0x48, 0x65, 0xa9, 0x72, 0xb3, 0x80,
    ];

    #[test]
    fn streams_are_unpacked_one_after_the_other() {
        assert_eq!(unpack(HELLO, 100), b"hello, hello, hello\n");
        assert_eq!(unpack(&[HELLO, HELLO].concat(), 100).len(), 40);
        assert_eq!(unpack(HELLO, 5), b"hello");
    }

    #[test]
    fn what_is_cut_off_gives_nothing_and_no_panic() {
        assert!((0..HELLO.len() - 10).all(|length| unpack(&HELLO[..length], 100).is_empty()));
        assert!(unpack(b"BZh9", 100).is_empty());
        assert!(unpack(b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0", 100).is_empty());
    }
}
