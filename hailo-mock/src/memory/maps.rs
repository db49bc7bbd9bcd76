//! The memory areas of a process, from `/proc/PID/maps`.

use std::fs::File;
use std::io::{BufRead, BufReader};

use super::DRIVER_MEMORY_FILE;
use super::shared::LOW_MEMORY_FILE;

/// A memory area of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) shared: bool,
    /// Belongs to a device, whose memory cannot be pinned, or to a low-memory buffer of the emulated driver.
    pub(super) device: bool,
    /// Other memory of the emulated driver, which can be pinned behind an IOMMU only.
    pub(super) driver: bool,
    /// Belongs to a file, which may end before the area does.
    pub(super) file: bool,
}

impl Area {
    /// Whether a driver may pin its pages for writing, though the process may perhaps not write there: private pages are
    /// copied, shared ones must be writable.
    pub(super) fn can_be_pinned(&self) -> bool {
        !self.device && (self.writable || !self.shared)
    }
}

/// The areas of a process that touch a range, in ascending order.
pub(super) fn areas(process: u32, start: u64, end: u64) -> Vec<Area> {
    let Ok(file) = File::open(format!("/proc/{process}/maps")) else { return Vec::new() };
    BufReader::new(file)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| parse(&line))
        .skip_while(|area| area.end <= start)
        .take_while(|area| area.start < end)
        .collect()
}

fn parse(line: &str) -> Option<Area> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?.as_bytes();
    let inode = fields.nth(2)?;
    let name = fields.next().unwrap_or("");
    let memory_file = name.strip_prefix("/memfd:").unwrap_or("");
    Some(Area {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        readable: permissions.first() == Some(&b'r'),
        writable: permissions.get(1) == Some(&b'w'),
        shared: permissions.get(3) == Some(&b's'),
        device: name.starts_with("/dev/") && !name.starts_with("/dev/shm/") && !name.starts_with("/dev/zero")
            || matches!(name, "[vvar]" | "[vvar_vclock]" | "[vsyscall]")
            || memory_file == LOW_MEMORY_FILE,
        driver: memory_file == DRIVER_MEMORY_FILE,
        file: inode != "0",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        let anonymous = parse("7f0000000000-7f0000002000 rw-p 00000000 00:00 0").unwrap();
        assert_eq!((anonymous.start, anonymous.end), (0x7f00_0000_0000, 0x7f00_0000_2000));
        assert!(anonymous.can_be_pinned() && !anonymous.file);
        let shared = parse("1000-2000 r--s 00000000 00:01 2053 /memfd:x (deleted)").unwrap();
        assert!(!shared.can_be_pinned() && shared.file);
        let driver = parse("1000-2000 rw-s 00001000 00:01 2053 /memfd:hailo-driver (deleted)").unwrap();
        assert!(driver.driver && driver.can_be_pinned());
        let low = parse("1000-2000 rw-s 00001000 00:01 2053 /memfd:hailo-driver-low (deleted)").unwrap();
        assert!(!low.can_be_pinned());
        let none = parse("1000-2000 ---p 00000000 00:00 0").unwrap();
        assert!(none.can_be_pinned() && !none.readable);
        let device = parse("1000-2000 rw-s 00000000 00:06 411 /dev/hailo0").unwrap();
        assert!(!device.can_be_pinned());
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn own_areas_are_found() {
        let here = &raw const HERE as u64;
        let found = areas(std::process::id(), here, here + 1);
        assert_eq!(found.len(), 1);
        assert!(found[0].start <= here && here < found[0].end);
    }

    static HERE: u8 = 1;
}
