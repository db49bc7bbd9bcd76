//! The firmware's image: its headers and their validation.
//!
//! An image is a header and the code of the application processor, a certificate, and a header and the code of the
//! core processor. All words are little-endian. The code itself is not looked at.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::enums::open_enums;
use super::layout::{Field, Le32, Unrepresentable, wire_structs};
use super::{FirmwareInterface, FirmwareVersion};

open_enums! {
    /// The chip that an image is for.
    enum FirmwareType(u8) = "firmware_type_t" {
        /// Hailo-8 and Hailo-8L.
        HAILO8 = 0, "FIRMWARE_TYPE_HAILO8";
        /// Hailo-15H, Hailo-10H.
        HAILO15 = 1, "FIRMWARE_TYPE_HAILO15";
        /// Hailo-15L, under its older name. Up to 4.19.0.
        PLUTO = 2, "FIRMWARE_TYPE_PLUTO", V4_17..=V4_19;
        /// Hailo-15L. From 4.20.0.
        HAILO15L = 2, "FIRMWARE_TYPE_HAILO15L", V4_20..=V5_2;
        /// Hailo-12L. From 4.21.0.
        MARS = 3, "FIRMWARE_TYPE_MARS", V4_21..=V5_2;
    }

    /// The version of the headers.
    enum FirmwareHeaderVersion(u32) = "firmware_header_version_t" count "FIRMWARE_HEADER_VERSION_COUNT" {
        /// The only one.
        INITIAL = 0, "FIRMWARE_HEADER_VERSION_INITIAL";
    }

    /// What a part of an image is.
    enum FirmwareBinaryType(u8) = "FW_BINARY_TYPE_t" {
        /// Not known.
        INVALID = 0, "FW_BINARY_TYPE_INVALID";
        /// The application processor's firmware.
        APP_FIRMWARE = 1, "FW_BINARY_TYPE_APP_FIRMWARE";
        /// The core processor's firmware.
        CORE_FIRMWARE = 2, "FW_BINARY_TYPE_CORE_FIRMWARE";
        /// The second stage boot loader.
        SECOND_STAGE_BOOT = 3, "FW_BINARY_TYPE_SECOND_STAGE_BOOT";
    }
}

wire_structs! {
    /// What precedes the code of a processor.
    #[derive(Default, Eq, Hash)]
    struct FirmwareHeader => FirmwareHeaderLayout = "firmware_header_t", 24, V4_17..=V5_2 {
        /// The chip's magic number, [`magic`].
        [0] magic: u32 as Le32,
        /// The version of the header.
        [4] header_version: FirmwareHeaderVersion as Le32,
        /// The firmware's major number.
        [8] firmware_major: u32 as Le32,
        /// The firmware's minor number.
        [12] firmware_minor: u32 as Le32,
        /// The firmware's revision, and the flags of [`FirmwareVersion`].
        [16] firmware_revision: u32 as Le32,
        /// Bytes of the code that follows.
        [20] code_size: u32 as Le32,
    }

    /// What precedes a certificate.
    #[derive(Default, Eq, Hash)]
    struct CertificateHeader => CertificateHeaderLayout = "secure_boot_certificate_t", 8, V4_17..=V5_2 {
        /// Bytes of the key.
        [0] key_size: u32 as Le32,
        /// Bytes of the content.
        [4] content_size: u32 as Le32,
    }
}

/// The fewest bytes of code (`MINIMUM_FIRMWARE_CODE_SIZE`).
pub const MINIMUM_FIRMWARE_CODE_SIZE: u32 = 80;
/// The most bytes of the application processor's code.
pub const MAXIMUM_APP_FIRMWARE_CODE_SIZE: u32 = 262_144;
/// The most bytes of the core processor's code.
pub const MAXIMUM_CORE_FIRMWARE_CODE_SIZE: u32 = 98_304;
/// The most bytes of a second stage boot loader.
pub const MAXIMUM_SECOND_STAGE_CODE_SIZE: u32 = 524_288;
/// The most bytes of a certificate's key.
pub const MAXIMUM_FIRMWARE_CERT_KEY_SIZE: u32 = 4096;
/// The most bytes of a certificate's content.
pub const MAXIMUM_FIRMWARE_CERT_CONTENT_SIZE: u32 = 4096;

/// The magic number of a chip's images in a generation; `None` if the generation does not know the chip.
#[doc(alias = "FIRMWARE_HEADER_MAGIC_HAILO8")]
#[doc(alias = "FIRMWARE_HEADER_MAGIC_HAILO15")]
#[doc(alias = "FIRMWARE_HEADER_MAGIC_HAILO15L")]
#[doc(alias = "FIRMWARE_HEADER_MAGIC_PLUTO")]
#[doc(alias = "FIRMWARE_HEADER_MAGIC_MARS")]
pub fn magic(firmware_type: FirmwareType, interface: FirmwareInterface) -> Option<u32> {
    FirmwareType::ENUMERATION.find(u64::from(firmware_type.0), interface)?;
    match firmware_type {
        FirmwareType::HAILO8 => Some(0x1dd8_9de0),
        FirmwareType::HAILO15 => Some(0xe905_daab),
        // Hailo-15L once had the number of Hailo-15H.
        FirmwareType::HAILO15L if interface == FirmwareInterface::V4_17 => Some(0xe905_daab),
        FirmwareType::HAILO15L => Some(0xf947_39ab),
        FirmwareType::MARS if interface >= FirmwareInterface::V5_0_1 => Some(0x8639_aa42),
        FirmwareType::MARS => Some(0xf947_39ab),
        _ => None,
    }
}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImagePart {
    /// The header of the application processor.
    AppHeader,
    /// Its code.
    AppCode,
    /// The sizes of the certificate.
    CertificateHeader,
    /// The certificate's key and content.
    Certificate,
    /// The header of the core processor.
    CoreHeader,
    /// Its code.
    CoreCode,
}

impl fmt::Display for ImagePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AppHeader => "the application processor's header",
            Self::AppCode => "the application processor's code",
            Self::CertificateHeader => "the certificate's sizes",
            Self::Certificate => "the certificate",
            Self::CoreHeader => "the core processor's header",
            Self::CoreCode => "the core processor's code",
        })
    }
}

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It ends within a part.
    Truncated {
        /// The part.
        part: ImagePart,
        /// Bytes that it needs.
        needed: usize,
        /// Bytes that are left.
        available: usize,
    },
    /// A header begins with another number than the chip's.
    Magic {
        /// The header.
        part: ImagePart,
        /// The chip's number.
        expected: u32,
        /// The number that is there.
        actual: u32,
    },
    /// A header is of an unknown version.
    HeaderVersion {
        /// The header.
        part: ImagePart,
        /// The version.
        actual: u32,
    },
    /// A stated size is too small or too large.
    Size {
        /// The part.
        part: ImagePart,
        /// The size that is stated, in bytes.
        stated: u32,
        /// The smallest size.
        minimum: u32,
        /// The largest size.
        maximum: u32,
    },
    /// A header is the other processor's.
    Processor {
        /// The header.
        part: ImagePart,
        /// The word with the flag.
        revision: u32,
    },
    /// There are bytes behind the image.
    Trailing {
        /// How many.
        count: usize,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { part, needed, available } => {
                write!(f, "the firmware image ends within {part}: it needs {needed} bytes, {available} are left")
            }
            Self::Magic { part, expected, actual } => {
                write!(f, "{part} begins with {actual:#010x} instead of {expected:#010x}: it is for another chip")
            }
            Self::HeaderVersion { part, actual } => write!(f, "{part} is of unknown version {actual}"),
            Self::Size { part, stated, minimum, maximum } => {
                write!(f, "{part} is stated to have {stated} bytes and should have {minimum} to {maximum}")
            }
            Self::Processor { part, revision } => {
                write!(f, "{part} is the other processor's (revision word {revision:#010x})")
            }
            Self::Trailing { count } => write!(f, "{count} bytes follow the firmware image"),
        }
    }
}

impl core::error::Error for ImageError {}

impl FirmwareHeader {
    /// The version of the firmware, with its flags.
    pub const fn version(&self) -> FirmwareVersion {
        FirmwareVersion {
            firmware_major: self.firmware_major,
            firmware_minor: self.firmware_minor,
            firmware_revision: self.firmware_revision,
        }
    }

    /// Reads the header that an image begins with, without any check; `None` if the image is shorter.
    pub fn peek(image: &[u8]) -> Option<Self> {
        let (wire, _) = FirmwareHeaderLayout::ref_from_prefix(image).ok()?;
        Some(Self::from_wire(wire))
    }

    /// The bytes of the header.
    ///
    /// # Errors
    ///
    /// None in practice: every value has its place.
    pub fn to_bytes(&self) -> Result<[u8; size_of::<FirmwareHeaderLayout>()], Unrepresentable> {
        let wire: FirmwareHeaderLayout = self.to_wire()?;
        Ok(zerocopy::transmute!(wire))
    }
}

/// The parts of an image that is in order.
///
/// ```
/// use hailo_abi::firmware::FirmwareInterface;
/// use hailo_abi::firmware::image::{FirmwareImage, FirmwareType, ImageError};
///
/// let error = FirmwareImage::parse(FirmwareInterface::V4_21, FirmwareType::HAILO8, &[0; 100]).unwrap_err();
/// assert!(matches!(error, ImageError::Magic { actual: 0, .. }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirmwareImage<'i> {
    /// The application processor's header.
    pub app: FirmwareHeader,
    /// Its code.
    pub app_code: &'i [u8],
    /// The certificate's key.
    pub certificate_key: &'i [u8],
    /// The certificate's content.
    pub certificate_content: &'i [u8],
    /// The core processor's header.
    pub core: FirmwareHeader,
    /// Its code.
    pub core_code: &'i [u8],
}

struct Rest<'i>(&'i [u8]);

impl<'i> Rest<'i> {
    fn bytes(&mut self, part: ImagePart, size: u32) -> Result<&'i [u8], ImageError> {
        let needed = usize::try_from(size).unwrap_or(usize::MAX);
        let available = self.0.len();
        let (bytes, rest) = self.0.split_at_checked(needed).ok_or(ImageError::Truncated { part, needed, available })?;
        self.0 = rest;
        Ok(bytes)
    }

    fn value<T: Field<W>, W: FromBytes + KnownLayout + Immutable>(&mut self, part: ImagePart) -> Result<T, ImageError> {
        let (wire, rest) = W::read_from_prefix(self.0).map_err(|_| ImageError::Truncated {
            part,
            needed: size_of::<W>(),
            available: self.0.len(),
        })?;
        self.0 = rest;
        Ok(T::from_wire(&wire))
    }

    fn processor(
        &mut self,
        parts: (ImagePart, ImagePart),
        expected: u32,
        core: bool,
        maximum: u32,
    ) -> Result<(FirmwareHeader, &'i [u8]), ImageError> {
        let (part, code) = parts;
        let header: FirmwareHeader = self.value::<_, FirmwareHeaderLayout>(part)?;
        if header.magic != expected {
            return Err(ImageError::Magic { part, expected, actual: header.magic });
        }
        if header.header_version != FirmwareHeaderVersion::INITIAL {
            return Err(ImageError::HeaderVersion { part, actual: header.header_version.0 });
        }
        if header.version().has(FirmwareVersion::CORE) != core {
            return Err(ImageError::Processor { part, revision: header.firmware_revision });
        }
        check(code, header.code_size, MINIMUM_FIRMWARE_CODE_SIZE, maximum)?;
        Ok((header, self.bytes(code, header.code_size)?))
    }
}

fn check(part: ImagePart, stated: u32, minimum: u32, maximum: u32) -> Result<(), ImageError> {
    if stated < minimum || stated > maximum {
        return Err(ImageError::Size { part, stated, minimum, maximum });
    }
    Ok(())
}

impl<'i> FirmwareImage<'i> {
    /// Reads an image for a chip and checks its headers and sizes.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong. A chip that the generation does not know has no magic number, so nothing is
    /// for it.
    pub fn parse(
        interface: FirmwareInterface,
        firmware_type: FirmwareType,
        image: &'i [u8],
    ) -> Result<Self, ImageError> {
        let actual = FirmwareHeader::peek(image).map(|header| header.magic).unwrap_or_default();
        let Some(expected) = magic(firmware_type, interface) else {
            return Err(ImageError::Magic { part: ImagePart::AppHeader, expected: 0, actual });
        };
        let mut rest = Rest(image);
        let parts = (ImagePart::AppHeader, ImagePart::AppCode);
        let (app, app_code) = rest.processor(parts, expected, false, MAXIMUM_APP_FIRMWARE_CODE_SIZE)?;
        let certificate: CertificateHeader = rest.value::<_, CertificateHeaderLayout>(ImagePart::CertificateHeader)?;
        check(ImagePart::Certificate, certificate.key_size, 0, MAXIMUM_FIRMWARE_CERT_KEY_SIZE)?;
        check(ImagePart::Certificate, certificate.content_size, 0, MAXIMUM_FIRMWARE_CERT_CONTENT_SIZE)?;
        let certificate_key = rest.bytes(ImagePart::Certificate, certificate.key_size)?;
        let certificate_content = rest.bytes(ImagePart::Certificate, certificate.content_size)?;
        let parts = (ImagePart::CoreHeader, ImagePart::CoreCode);
        let (core, core_code) = rest.processor(parts, expected, true, MAXIMUM_CORE_FIRMWARE_CODE_SIZE)?;
        match rest.0.len() {
            0 => Ok(Self { app, app_code, certificate_key, certificate_content, core, core_code }),
            count => Err(ImageError::Trailing { count }),
        }
    }

    /// Writes the image part by part: each call of `out` is given the next bytes.
    ///
    /// # Errors
    ///
    /// None in practice: every value has its place.
    pub fn write(&self, mut out: impl FnMut(&[u8])) -> Result<(), Unrepresentable> {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let certificate =
            CertificateHeader { key_size: size(self.certificate_key), content_size: size(self.certificate_content) };
        let certificate: CertificateHeaderLayout = certificate.to_wire()?;
        out(&self.app.to_bytes()?);
        out(self.app_code);
        out(certificate.as_bytes());
        out(self.certificate_key);
        out(self.certificate_content);
        out(&self.core.to_bytes()?);
        out(self.core_code);
        Ok(())
    }
}
