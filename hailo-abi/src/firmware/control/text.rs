//! Texts of fixed size.

use core::fmt;

use crate::firmware::layout::{Field, Unrepresentable};

/// A text in `N` bytes, filled up with zeros or spaces. Any bytes are kept.
///
/// ```
/// use hailo_abi::firmware::control::Text;
///
/// let name = Text::<32>::new("Hailo-8").unwrap();
/// assert_eq!(name.as_str(), "Hailo-8");
/// assert_eq!(Text::<4>::new("Hailo-8"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<const N: usize>(pub [u8; N]);

impl<const N: usize> Text<N> {
    /// The text, filled up with zeros; `None` if it has more than `N` bytes.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }

    /// What is before the first zero, as far as it is UTF-8.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(N);
        let bytes = self.0.get(..end).unwrap_or(&self.0);
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                // What was valid up to the error is valid.
                let valid = bytes.get(..error.valid_up_to()).unwrap_or(&[]);
                core::str::from_utf8(valid).unwrap_or_default()
            }
        }
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> Field<[u8; N]> for Text<N> {
    fn to_wire(&self) -> Result<[u8; N], Unrepresentable> {
        Ok(self.0)
    }
    fn from_wire(wire: &[u8; N]) -> Self {
        Self(*wire)
    }
}
