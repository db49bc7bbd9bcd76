//! Which descriptors of a process are accelerators: device nodes, or what stands for them in an emulated system.

use std::fs;
use std::path::Path;

/// The upper half of the data of the one event that an emulated device file watches.
pub(crate) const MARK: u64 = 0x4841_494c << 32;

/// What a device node's path begins with.
const NODES: [&str; 2] = ["/dev/hailo", "/dev/h1x-"];

/// Whether a path is that of a device node.
pub(crate) fn is_node(path: &str) -> bool {
    NODES.iter().any(|node| path.strip_prefix(node).is_some_and(|rest| !rest.contains('/')))
}

/// Whether a descriptor of a thread is an open device file, emulated or not.
pub(crate) fn is_accelerator(thread: u32, descriptor: i32) -> bool {
    let Ok(target) = fs::read_link(format!("/proc/{thread}/fd/{descriptor}")) else { return false };
    if target == Path::new("anon_inode:[eventpoll]") {
        let info = fs::read_to_string(format!("/proc/{thread}/fdinfo/{descriptor}"));
        return info.is_ok_and(|info| number(&info).is_some());
    }
    target.to_str().is_some_and(is_node)
}

/// Whether a descriptor of a thread is memory of an emulated driver: it may stand for the device file that it was before.
#[cfg(feature = "emulator")]
pub(crate) fn is_lent_memory(thread: u32, descriptor: i32) -> bool {
    let target = fs::read_link(format!("/proc/{thread}/fd/{descriptor}"));
    let name = target.as_deref().ok().and_then(Path::to_str).and_then(|target| target.strip_prefix("/memfd:"));
    name.is_some_and(|name| name.starts_with(hailo_mock::DRIVER_MEMORY_FILE))
}

/// A build without the emulator lends nothing.
#[cfg(not(feature = "emulator"))]
pub(crate) fn is_lent_memory(_: u32, _: i32) -> bool {
    false
}

/// The data of every event that an epoll instance watches, from its `fdinfo`.
pub(crate) fn data(info: &str) -> impl Iterator<Item = u64> {
    info.lines().filter_map(|line| {
        let rest = line.strip_prefix("tfd:")?.split_once("data:")?.1;
        u64::from_str_radix(rest.split_whitespace().next()?, 16).ok()
    })
}

/// The number in the mark of an emulated device file, from its `fdinfo`.
pub(crate) fn number(info: &str) -> Option<u32> {
    let data = data(info).next()?;
    if data & !u64::from(u32::MAX) == MARK { u32::try_from(data & u64::from(u32::MAX)).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{is_accelerator, is_node, number};

    #[test]
    fn device_nodes_are_known_by_their_names() {
        for path in ["/dev/hailo0", "/dev/hailo12", "/dev/h1x-0", "/dev/hailo_pci_ep"] {
            assert!(is_node(path), "{path}");
        }
        for path in ["/dev/null", "/dev/hailo/0", "/tmp/hailo0", "hailo0"] {
            assert!(!is_node(path), "{path}");
        }
        assert!(!is_accelerator(std::process::id(), 0));
        assert!(!is_accelerator(std::process::id(), 4000));
    }

    #[test]
    fn emulated_files_are_known_by_their_mark() {
        let info = |data: &str| format!("pos:\t0\nflags:\t02\ntfd:        3 events:       19 data: {data}  pos:0\n");
        assert_eq!(number(&info("4841494c00000007")), Some(7));
        assert_eq!(number(&info("7")), None);
        assert_eq!(number("pos:\t0\n"), None);
    }
}
