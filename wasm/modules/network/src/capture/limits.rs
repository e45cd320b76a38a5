//! How much of a capture is followed, kept and reported. Each limit is above what an analyst's captures hold, and keeps a
//! crafted one from using the sandbox's memory (768 MiB, of which the sample takes up to 256) and its time.

/// Packets that are read: 256 MiB of the shortest have fewer.
pub const MAX_PACKETS: u64 = 16_000_000;
/// Flows that are followed, some 300 bytes each; packets of others are counted only.
pub const MAX_FLOWS: usize = 200_000;
/// Parts of TCP streams that are kept in all flows, 24 bytes each.
pub const MAX_SEGMENTS: usize = 4_000_000;
/// Datagrams of UDP that are kept for all flows, 16 bytes each.
pub const MAX_DATAGRAMS: usize = 2_000_000;
/// Bytes of one direction of a stream that are put together.
pub const MAX_STREAM: usize = 64 << 20;
/// Bytes of all streams that are put together: retransmissions aside no more than the capture itself.
pub const MAX_STREAMS: usize = 320 << 20;
/// Interfaces of a section of pcapng.
pub const MAX_INTERFACES: usize = 1_024;
/// Options of one block of pcapng.
pub const MAX_OPTIONS: usize = 256;
/// Names that a pcapng file's resolver blocks give.
pub const MAX_RESOLVED: usize = 10_000;
/// Headers in each other: tags of VLANs, labels of MPLS, extensions of IPv6, packets in packets.
pub const MAX_HEADERS: usize = 16;
/// Datagrams of which some fragments are there and others not.
pub const MAX_FRAGMENTED: usize = 4_096;
/// Bytes of datagrams that were put together from fragments.
pub const MAX_DEFRAGMENTED: usize = 32 << 20;
/// Jumps that one compressed name of DNS takes: a name has at most 127 labels.
pub const MAX_JUMPS: usize = 127;
/// Records of one DNS message that are read.
pub const MAX_RECORDS: usize = 256;
/// Messages of DNS that are kept.
pub const MAX_DNS: usize = 50_000;
/// Exchanges of HTTP, handshakes of TLS, and messages of other protocols that are kept, of each.
pub const MAX_KEPT: usize = 20_000;
/// Messages of HTTP that wait for the other side's in one flow.
pub const MAX_PIPELINED: usize = 10_000;
/// Bytes of the head of an HTTP message: servers take 8 - 64 KiB.
pub const MAX_HEAD: usize = 64 << 10;
/// Bytes of one body after it was unpacked.
pub const MAX_BODY: usize = 64 << 20;
/// Bytes of all bodies after they were unpacked.
pub const MAX_BODIES: usize = 256 << 20;
/// Files that are taken out of streams.
pub const MAX_FILES: usize = 5_000;
/// Bytes of a handshake of TLS: three bytes could say 16 MiB, chains of certificates have some KiB.
pub const MAX_HANDSHAKE: usize = 256 << 10;
/// Certificates of one chain.
pub const MAX_CERTIFICATES: usize = 16;
/// Bytes of a line of a protocol of lines (RFC 5321 has 512, IMAP more).
pub const MAX_LINE: usize = 8 << 10;
/// Lines of one flow that are read as commands.
pub const MAX_LINES: usize = 20_000;
/// Characters of a text from the capture.
pub const MAX_TEXT: usize = 512;
/// Bytes of JSON that each list of the facts takes.
pub const MAX_LIST: usize = 1 << 20;
/// Times of connections that are kept for each pair of hosts and port.
pub const MAX_TIMES: usize = 4_096;
/// Registered domains whose queries are counted.
pub const MAX_DOMAINS: usize = 50_000;
/// Bytes of packets that a session keeps, unpacked; the oldest go first.
pub const MAX_STATE: usize = 32 << 20;
/// Bytes of a session's state as it is kept: in base64 it must fit into the host's 16 MiB, with the facts.
pub const MAX_PACKED_STATE: usize = 7 << 20;
