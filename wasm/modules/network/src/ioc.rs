//! Indicators of compromise: their kinds, and one occurrence.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Url,
    Domain,
    Onion,
    Ipv4,
    Ipv6,
    Email,
    Md5,
    Sha1,
    Sha256,
    Sha512,
    Ssdeep,
    Cve,
    Attack,
    Bitcoin,
    Ethereum,
    RegistryKey,
    WindowsPath,
    UnixPath,
    Pdb,
    UserAgent,
    Mutex,
}

/// Where in a sample an indicator was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// In its bytes as they are.
    #[default]
    Bytes,
    /// In a capture: an end of a flow, ...
    Flow,
    /// ... a name that was asked for or answered, ...
    Dns,
    /// ... a message of HTTP or what it carries, ...
    Http,
    /// ... a hello or a certificate, ...
    Tls,
    /// ... what else was sent in the clear, ...
    Stream,
    /// ... or a name that the capture's program had for an address.
    Resolver,
}

impl Source {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn is_bytes(&self) -> bool {
        *self == Self::Bytes
    }
}

/// What is said of an indicator beside its value. The first of these speak against its being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// A name of a standard, a schema or a maker's own site that honest files hold.
    Benign,
    /// A certificate authority's.
    CertificateAuthority,
    /// A file's name, a variable or a version number may look the same.
    Ambiguous,
    /// Reserved for documentation (RFC 2606, 5737, 3849).
    Documentation,
    /// Private, link-local or shared networks (RFC 1918, 3927, 4193, 6598); names without a public suffix.
    Private,
    Loopback,
    Multicast,
    /// Of no use as an address: unspecified, broadcast, for future use.
    Reserved,
    /// Written so that nobody follows it by accident.
    Defanged,
    /// The address holds a checksum, and it is right.
    Checksum,
    /// A short form of hidden services that has ended in 2021, without a checksum.
    V2,
    V3,
}

impl Tag {
    /// Whether there is nothing out there that the indicator points to.
    pub const fn leads_nowhere(self) -> bool {
        matches!(
            self,
            Self::Benign
                | Self::CertificateAuthority
                | Self::Ambiguous
                | Self::Documentation
                | Self::Private
                | Self::Loopback
                | Self::Multicast
                | Self::Reserved
        )
    }
}

/// One occurrence in a run: bytes `start..end` of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub kind: Kind,
    /// As it is used: refanged, and in one spelling.
    pub value: String,
    pub start: usize,
    pub end: usize,
    pub tags: Vec<Tag>,
}

impl Hit {
    pub const fn new(kind: Kind, value: String, start: usize, end: usize) -> Self {
        Self { kind, value, start, end, tags: Vec::new() }
    }

    pub fn tag(mut self, tag: Tag) -> Self {
        if !self.tags.contains(&tag) {
            self.tags.push(tag);
        }
        self
    }

    pub fn tag_if(self, condition: bool, tag: Tag) -> Self {
        if condition { self.tag(tag) } else { self }
    }

    pub fn tags(self, tags: &[Tag]) -> Self {
        tags.iter().fold(self, |hit, &tag| hit.tag(tag))
    }
}
