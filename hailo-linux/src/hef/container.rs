//! The container around a model: header, lengths, checksum.
//!
//! All integers of the header are big-endian. What follows it is the protobuf message, then, from version 1 on, the
//! configuration words; the checksum covers everything after the header.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use md5::{Digest as _, Md5};
use prost::bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::error::Error;

/// The first four bytes of every model file.
pub(super) const MAGIC: u32 = 0x0148_4546;
/// The newest version of the container that is known.
pub(super) const LAST_VERSION: u32 = 3;
/// The part of the header that all versions share: magic, version, size of the protobuf message.
const COMMON_LEN: usize = 12;
/// The header of each version, common part included.
const HEADER_LEN: [usize; LAST_VERSION as usize + 1] = [32, 28, 44, 56];
/// The longest of them.
const MAX_HEADER_LEN: usize = 56;
/// How much is read and checksummed at a time: small enough to stay in the processor's cache in between.
const CHUNK: usize = 256 * 1024;

/// The checksum that a header states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Version 0.
    Md5([u8; 16]),
    /// Version 1: the CRC-32 of zlib.
    Crc32(u32),
    /// Versions 2 and 3.
    Xxh3(u64),
}

impl Checksum {
    /// What kind of checksum it is.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Md5(_) => "MD5",
            Self::Crc32(_) => "CRC-32",
            Self::Xxh3(_) => "XXH3-64",
        }
    }

    fn hasher(self) -> Hasher {
        match self {
            Self::Md5(_) => Hasher::Md5(Md5::new()),
            Self::Crc32(_) => Hasher::Crc32(crc32fast::Hasher::new()),
            Self::Xxh3(_) => Hasher::Xxh3(Box::default()),
        }
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Md5(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Crc32(word) => write!(f, "{word:08x}"),
            Self::Xxh3(word) => write!(f, "{word:016x}"),
        }
    }
}

enum Hasher {
    Md5(Md5),
    Crc32(crc32fast::Hasher),
    Xxh3(Box<Xxh3>),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Crc32(state) => state.update(bytes),
            Self::Xxh3(state) => state.update(bytes),
        }
    }

    fn finish(self) -> Checksum {
        match self {
            Self::Md5(state) => Checksum::Md5(state.finalize().into()),
            Self::Crc32(state) => Checksum::Crc32(state.finalize()),
            Self::Xxh3(state) => Checksum::Xxh3(state.digest()),
        }
    }
}

/// What the header of a model file says, checked against the length of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The version of the container, 0 to 3.
    pub version: u32,
    /// The length of the whole file, in bytes.
    pub length: u64,
    /// The checksum of everything after the header.
    pub checksum: Checksum,
    /// Where in the file the protobuf message is.
    pub protobuf: Range<usize>,
    /// Where in the file the configuration words are; empty in version 0, whose words are inside the message.
    pub words: Range<usize>,
}

/// Reads big-endian integers one after the other. The caller has checked the length; what is missing reads as 0.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((head, tail)) = self.0.split_first_chunk::<N>() else {
            return [0; N];
        };
        self.0 = tail;
        *head
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}

/// `a + b + …` of lengths in a header, or the refusal of lengths that no file can have.
fn sum(parts: &[u64]) -> Result<u64, Error> {
    parts
        .iter()
        .try_fold(0u64, |sum, part| sum.checked_add(*part))
        .ok_or_else(|| Error::Header { what: format!("sizes of {parts:?} bytes do not fit any file") })
}

impl Container {
    /// Decodes `header`, the first bytes of a file that is `length` bytes long (as many as there are, at most
    /// [`MAX_HEADER_LEN`] are looked at).
    fn parse(header: &[u8], length: u64) -> Result<Self, Error> {
        if header.len() < COMMON_LEN {
            return Err(Error::Truncated { stated: COMMON_LEN as u64, actual: length });
        }
        let mut fields = Fields(header);
        let magic = fields.u32();
        if magic != MAGIC {
            return Err(Error::NotAModel { found: magic });
        }
        let version = fields.u32();
        let Some(&header_len) = HEADER_LEN.get(version as usize) else {
            return Err(Error::UnknownVersion { version });
        };
        let protobuf_len = u64::from(fields.u32());
        if header.len() < header_len {
            return Err(Error::Truncated { stated: sum(&[header_len as u64, protobuf_len])?, actual: length });
        }
        let mut padding = 0;
        let mut additional = 0;
        let (checksum, words) = match version {
            0 => {
                let _reserved = fields.u32();
                (Checksum::Md5(fields.take()), 0)
            }
            1 => (Checksum::Crc32(fields.u32()), fields.u64()),
            2 => (Checksum::Xxh3(fields.u64()), fields.u64()),
            _ => {
                let checksum = Checksum::Xxh3(fields.u64());
                let words_with_padding = fields.u64();
                padding = u64::from(fields.u32());
                additional = fields.u64();
                let words = words_with_padding.checked_sub(padding).ok_or_else(|| Error::Header {
                    what: format!(
                        "{padding} bytes of padding in a section of {words_with_padding} bytes of configuration words"
                    ),
                })?;
                (checksum, words)
            }
        };
        let words_start = sum(&[header_len as u64, protobuf_len, padding])?;
        let words_end = sum(&[words_start, words])?;
        let stated = sum(&[words_end, additional])?;
        match stated.cmp(&length) {
            std::cmp::Ordering::Greater => {
                return Err(Error::Truncated { stated, actual: length });
            }
            std::cmp::Ordering::Less => {
                return Err(Error::TooLong { stated, actual: length });
            }
            std::cmp::Ordering::Equal => {}
        }
        // The file has this length, so that on a machine whose addresses are shorter it cannot be loaded at all.
        let place = |offset: u64| {
            usize::try_from(offset)
                .map_err(|_| Error::Header { what: format!("{stated} bytes do not fit this machine's memory") })
        };
        let protobuf_end = place(header_len as u64 + protobuf_len)?;
        Ok(Self {
            version,
            length,
            checksum,
            protobuf: header_len..protobuf_end,
            words: place(words_start)?..place(words_end)?,
        })
    }

    fn verify(&self, hasher: Hasher) -> Result<(), Error> {
        let computed = hasher.finish();
        if computed == self.checksum {
            return Ok(());
        }
        Err(Error::Damaged {
            kind: self.checksum.kind(),
            stated: self.checksum.to_string(),
            computed: computed.to_string(),
        })
    }

    /// Checks a file that is in memory already.
    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let header = bytes.get(..MAX_HEADER_LEN).unwrap_or(bytes);
        let container = Self::parse(header, bytes.len() as u64)?;
        let mut hasher = container.checksum.hasher();
        hasher.update(bytes.get(container.protobuf.start..).unwrap_or_default());
        container.verify(hasher)?;
        Ok(container)
    }

    /// Reads a file and checks it on the way, so that its words pass the processor once.
    pub(super) fn read(path: &Path) -> Result<(Self, Bytes), Error> {
        let failed = |source: io::Error| Error::Read { path: path.to_owned(), source };
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(failed)?;
            return Ok((Self::of_bytes(&bytes)?, bytes.into()));
        }
        let length = metadata.len();
        let mut bytes = Vec::with_capacity(MAX_HEADER_LEN);
        (&mut file).take(MAX_HEADER_LEN as u64).read_to_end(&mut bytes).map_err(failed)?;
        let container = Self::parse(&bytes, length)?;
        // From here on the length is that of a file that exists and that its own header agrees with.
        bytes
            .try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(bytes.len()))
            .map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
        let mut hasher = container.checksum.hasher();
        hasher.update(bytes.get(container.protobuf.start..).unwrap_or_default());
        while (bytes.len() as u64) < length {
            let start = bytes.len();
            let wanted = (length - start as u64).min(CHUNK as u64);
            if (&mut file).take(wanted).read_to_end(&mut bytes).map_err(failed)? == 0 {
                return Err(Error::Truncated { stated: length, actual: start as u64 });
            }
            hasher.update(bytes.get(start..).unwrap_or_default());
        }
        container.verify(hasher)?;
        Ok((container, bytes.into()))
    }
}
