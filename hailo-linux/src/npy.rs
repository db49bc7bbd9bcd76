//! Tensors in NumPy's `.npy` files.
//!
//! What a device takes and gives is tensors of `u8`, `u16` and `f32`; `.npy` files of these types, little-endian and in
//! C order, are read (format versions 1 to 3) and written (version 1). Anything else is refused with a sentence that
//! says how to convert it. Lengths are checked against the file, and nothing is allocated by a length that a file
//! states.
//!
//! ```
//! use hailo_linux::npy::Array;
//! use hailo_linux::transform::ElementType;
//!
//! let array = Array::new(ElementType::U16, vec![2, 3], vec![0; 12])?;
//! let file = array.to_bytes();
//! assert_eq!(file.len(), 128 + 12);
//! assert_eq!(Array::from_bytes(file)?, array);
//! # Ok::<(), hailo_linux::npy::FormatError>(())
//! ```

// The crates that read these files parse all of Python's literals for it, with a parser generator, big integers and a C
// compiler for the build; the header that is of interest here is one line with three known keys.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::transform::ElementType;

/// What a file begins with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Where data begins is a multiple of this.
const ALIGNMENT: usize = 64;

/// NumPy has no arrays of more dimensions.
const MAX_DIMENSIONS: usize = 64;

/// The bytes before the header's text in a file of version 1.
const PREFIX: usize = MAGIC.len() + 2 + 2;

/// A tensor with its type and shape.
#[derive(Clone, Debug)]
pub struct Array {
    kind: ElementType,
    shape: Vec<usize>,
    /// The data, after the header if it was read from a file.
    bytes: Vec<u8>,
    begin: usize,
}

/// Why bytes are not a `.npy` file that can be used, or a tensor is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The first bytes are not those of the format.
    #[error("this is not a .npy file: it does not begin with \"\\x93NUMPY\"")]
    Magic,
    /// A version of the format that is not known.
    #[error("this .npy file is of format version {major}.{minor}; versions 1 to 3 are known")]
    Version {
        /// The first number.
        major: u8,
        /// The second.
        minor: u8,
    },
    /// The file ends within its header.
    #[error("this .npy file is cut off: its header ends at byte {needed}, but there are {actual} bytes")]
    Truncated {
        /// Bytes up to the end of the header, as far as it is known.
        needed: usize,
        /// Bytes of the file.
        actual: usize,
    },
    /// The header is not the line that NumPy writes.
    #[error("the header of this .npy file cannot be understood at its byte {at}: {why}")]
    Header {
        /// Where, counted from the beginning of the header's text.
        at: usize,
        /// What was expected or found.
        why: String,
    },
    /// Elements of another type.
    #[error(
        "this .npy file has elements of type '{0}'; unsigned integers of 8 or 16 bits ('|u1', '<u2') and 32-bit numbers \
         ('<f4') can be used, for instance after numpy's array.astype('<f4')"
    )]
    Type(String),
    /// Elements in another order.
    #[error("this .npy file is in Fortran order; save it after numpy.ascontiguousarray(array)")]
    FortranOrder,
    /// More elements than a machine can address.
    #[error("an array of shape {} is too large for this machine", Shape(.0))]
    TooLarge(
        /// The shape.
        Vec<usize>,
    ),
    /// More dimensions than NumPy has.
    #[error("an array of {0} dimensions is more than NumPy has (64)")]
    Dimensions(
        /// How many.
        usize,
    ),
    /// Data of another length than the shape says.
    #[error("an array of {kind} and shape {} has {expected} bytes of data, but there are {actual}", Shape(.shape))]
    Length {
        /// The type of the elements.
        kind: ElementType,
        /// The shape.
        shape: Vec<usize>,
        /// Bytes that these make.
        expected: usize,
        /// Bytes that there are.
        actual: usize,
    },
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried: `read` or `write`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has something else in it.
    #[error("{}: {source}", .path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
}

/// A shape as Python writes it.
struct Shape<'a>(&'a [usize]);

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, "({one},)"),
            shape => {
                let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
                write!(f, "({})", sizes.join(", "))
            }
        }
    }
}

/// How a type is called in a header.
const fn type_name(kind: ElementType) -> &'static str {
    match kind {
        ElementType::U8 => "|u1",
        ElementType::U16 => "<u2",
        ElementType::F32 => "<f4",
    }
}

/// Bytes of an array.
fn data_length(kind: ElementType, shape: &[usize]) -> Result<usize, FormatError> {
    if shape.len() > MAX_DIMENSIONS {
        return Err(FormatError::Dimensions(shape.len()));
    }
    // An empty array has no bytes, however large its other dimensions.
    if shape.contains(&0) {
        return Ok(0);
    }
    let length = shape.iter().try_fold(kind.size(), |length, size| length.checked_mul(*size));
    length.filter(|length| isize::try_from(*length).is_ok()).ok_or_else(|| FormatError::TooLarge(shape.to_vec()))
}

impl Array {
    /// A tensor of the given data: elements in C order (the last dimension varies fastest), little-endian.
    ///
    /// # Errors
    ///
    /// [`FormatError::Length`] if the data is not of as many bytes as type and shape say, [`FormatError::TooLarge`] or
    /// [`FormatError::Dimensions`] if no data can be.
    pub fn new(kind: ElementType, shape: Vec<usize>, data: Vec<u8>) -> Result<Self, FormatError> {
        Self::at(kind, shape, data, 0)
    }

    /// A tensor of the data that begins at a byte.
    fn at(kind: ElementType, shape: Vec<usize>, bytes: Vec<u8>, begin: usize) -> Result<Self, FormatError> {
        let (expected, actual) = (data_length(kind, &shape)?, bytes.len().saturating_sub(begin));
        if expected != actual {
            return Err(FormatError::Length { kind, shape, expected, actual });
        }
        Ok(Self { kind, shape, bytes, begin })
    }

    /// The tensor in the bytes of a `.npy` file. The data is not copied.
    ///
    /// # Errors
    ///
    /// A [`FormatError`] that says what is wrong with them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, FormatError> {
        let header = Header::parse(&bytes)?;
        Self::at(header.kind, header.shape, bytes, header.end)
    }

    /// Reads a `.npy` file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not one that can be used.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Io { doing: "read", path: path.to_owned(), source })?;
        Self::from_bytes(bytes).map_err(|source| Error::Format { path: path.to_owned(), source })
    }

    /// Writes a `.npy` file, in place of whatever is there.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        std::fs::File::create(path).and_then(|mut file| self.write_to(&mut file)).map_err(|source| Error::Io {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }

    /// Writes the bytes of a `.npy` file.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_to(&self, mut out: impl Write) -> std::io::Result<()> {
        out.write_all(&header(self.kind, &self.shape))?;
        out.write_all(self.data())?;
        out.flush()
    }

    /// The bytes of a `.npy` file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&header(self.kind, &self.shape), self.data()].concat()
    }

    /// What an element is.
    #[must_use]
    pub const fn kind(&self) -> ElementType {
        self.kind
    }

    /// The sizes of the dimensions; none for a single element.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements: in C order, little-endian.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.begin..]
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.shape, self.data()) == (other.kind, &other.shape, other.data())
    }
}

impl Eq for Array {}

/// The header of a file of version 1, padded so that data begins at a multiple of 64 bytes.
fn header(kind: ElementType, shape: &[usize]) -> Vec<u8> {
    let text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type_name(kind), Shape(shape));
    let end = (PREFIX + text.len() + 1).next_multiple_of(ALIGNMENT);
    // No more than 64 dimensions of 20 digits each: the length fits.
    let length = (end - PREFIX) as u16;
    let mut out = Vec::with_capacity(end);
    out.extend(MAGIC);
    out.extend([1, 0]);
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    out.resize(end - 1, b' ');
    out.push(b'\n');
    out
}

/// What a header says.
struct Header {
    kind: ElementType,
    shape: Vec<usize>,
    /// Where the data begins.
    end: usize,
}

impl Header {
    fn parse(file: &[u8]) -> Result<Self, FormatError> {
        let truncated = |needed| FormatError::Truncated { needed, actual: file.len() };
        if !file.starts_with(MAGIC) {
            return Err(FormatError::Magic);
        }
        let (&[major, minor], rest) = file[MAGIC.len()..].split_first_chunk().ok_or(truncated(PREFIX))?;
        let (length, rest) = match major {
            1 => rest.split_first_chunk().map(|(n, rest)| (usize::from(u16::from_le_bytes(*n)), rest)),
            2 | 3 => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest)),
            _ => return Err(FormatError::Version { major, minor }),
        }
        .ok_or(truncated(PREFIX))?;
        let begin = file.len() - rest.len();
        let end = begin.saturating_add(length);
        let text = rest.get(..length).ok_or(truncated(end))?;
        let (kind, shape) = Parser { text, at: 0 }.dictionary()?;
        Ok(Self { kind, shape, end })
    }
}

/// Reads the one Python expression that a header is.
struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn error<T>(&self, why: impl Into<String>) -> Result<T, FormatError> {
        Err(FormatError::Header { at: self.at, why: why.into() })
    }

    /// The next byte that is not a space.
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Goes past a byte if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), FormatError> {
        if self.take(byte) { Ok(()) } else { self.error(format!("'{}' is missing", char::from(byte))) }
    }

    /// The bytes from here on that satisfy a condition.
    fn run(&mut self, condition: impl Fn(&u8) -> bool) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let run = &rest[..rest.iter().position(|byte| !condition(byte)).unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    fn string(&mut self) -> Result<String, FormatError> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else { return self.error("a string is missing") };
        self.at += 1;
        let content = self.run(|byte| *byte != quote);
        self.expect(quote)?;
        Ok(String::from_utf8_lossy(content).into_owned())
    }

    fn boolean(&mut self) -> Result<bool, FormatError> {
        self.peek();
        let start = self.at;
        match self.run(u8::is_ascii_alphanumeric) {
            b"True" => Ok(true),
            b"False" => Ok(false),
            _ => {
                self.at = start;
                self.error("True or False is missing")
            }
        }
    }

    fn number(&mut self) -> Result<usize, FormatError> {
        self.peek();
        let start = self.at;
        let digits = self.run(u8::is_ascii_digit);
        // Python 2 wrote long integers with a letter.
        self.take(b'L');
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        if number.is_none() {
            self.at = start;
        }
        number.map_or_else(|| self.error("a number that this machine can address is missing"), Ok)
    }

    fn shape(&mut self) -> Result<Vec<usize>, FormatError> {
        self.expect(b'(')?;
        let mut shape = Vec::new();
        while !self.take(b')') {
            if shape.len() == MAX_DIMENSIONS {
                return self.error("there are more than 64 dimensions");
            }
            shape.push(self.number()?);
            if !self.take(b',') {
                if shape.len() == 1 {
                    return self.error("',' is missing: one number in parentheses is no shape");
                }
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    /// The type of a name such as `<f4`.
    fn element_type(&mut self) -> Result<ElementType, FormatError> {
        if self.peek() == Some(b'[') {
            return Err(FormatError::Type("structure".to_owned()));
        }
        let name = self.string()?;
        Ok(match name.as_str() {
            // A single byte has no order.
            "|u1" | "<u1" | ">u1" | "=u1" | "u1" => ElementType::U8,
            "<u2" => ElementType::U16,
            "<f4" => ElementType::F32,
            _ => return Err(FormatError::Type(name)),
        })
    }

    fn dictionary(mut self) -> Result<(ElementType, Vec<usize>), FormatError> {
        let (mut kind, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let start = self.at;
            let key = self.string()?;
            self.expect(b':')?;
            let first = match key.as_str() {
                "descr" => kind.replace(self.element_type()?).is_none(),
                "fortran_order" => fortran.replace(self.boolean()?).is_none(),
                "shape" => shape.replace(self.shape()?).is_none(),
                _ => {
                    self.at = start;
                    return self.error(format!("the key '{}' is not known", key.escape_debug()));
                }
            };
            if !first {
                self.at = start;
                return self.error(format!("the key '{key}' is there twice"));
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        if self.peek().is_some() {
            return self.error("there is more after the closing '}'");
        }
        let (Some(kind), Some(fortran), Some(shape)) = (kind, fortran, shape) else {
            return self.error("one of the keys 'descr', 'fortran_order', 'shape' is missing");
        };
        // With one dimension there is only one order.
        let orders_differ = shape.iter().filter(|size| **size != 1).count() > 1;
        if fortran && orders_differ { Err(FormatError::FortranOrder) } else { Ok((kind, shape)) }
    }
}
