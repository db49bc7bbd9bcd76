//! [`DriverRelease`]: a version of the kernel driver.

use core::fmt;
use core::str::FromStr;

/// A release of the kernel driver: three numbers, as the driver itself answers them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DriverRelease {
    /// The major version.
    pub major: u32,
    /// The minor version.
    pub minor: u32,
    /// The revision.
    pub revision: u32,
}

impl DriverRelease {
    /// The release `major.minor.revision`.
    #[must_use]
    pub const fn new(major: u32, minor: u32, revision: u32) -> Self {
        Self { major, minor, revision }
    }
}

impl fmt::Debug for DriverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DriverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.revision)
    }
}

/// A text that is not three numbers with dots between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseReleaseError;

impl fmt::Display for ParseReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a release is three numbers with dots between them, such as 4.23.0")
    }
}

impl core::error::Error for ParseReleaseError {}

impl FromStr for DriverRelease {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, ParseReleaseError> {
        let mut parts = text.split('.').map(|part| {
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                part.parse().map_err(|_| ParseReleaseError)
            } else {
                Err(ParseReleaseError)
            }
        });
        let mut next = || parts.next().unwrap_or(Err(ParseReleaseError));
        let release = Self { major: next()?, minor: next()?, revision: next()? };
        if parts.next().is_some() { Err(ParseReleaseError) } else { Ok(release) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(major: u32, minor: u32, revision: u32) {
            let release = DriverRelease::new(major, minor, revision);
            prop_assert_eq!(release.to_string().parse(), Ok(release));
        }

        #[test]
        fn releases_are_in_the_order_of_their_numbers(a: [u8; 3], b: [u8; 3]) {
            let release = |n: [u8; 3]| DriverRelease::new(n[0].into(), n[1].into(), n[2].into());
            prop_assert_eq!(release(a).cmp(&release(b)), a.cmp(&b));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "4", "4.23", "4.23.0.1", "4.23.", "4..0", "+4.23.0", "v4.23.0", "4.23.4294967296"] {
            let refused = text.parse::<DriverRelease>().expect_err(text);
            assert!(refused.to_string().contains("three numbers"), "{refused}");
        }
    }
}
