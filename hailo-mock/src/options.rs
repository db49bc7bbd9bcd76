//! [`MachineOptions`]: which driver, which boards; also as text.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use hailo_abi::firmware::control::HwConsts;
use hailo_abi::interface::Nearest;
use hailo_abi::{DriverRelease, Interface};

use crate::firmware::FirmwareValues;

/// A kind of board that can be emulated: those whose driver interface is that of neural network cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoardKind {
    /// Hailo-8, 1e60:2864.
    Hailo8,
    /// Hailo-15 high, as an accelerator, 1e60:45c4.
    Hailo15H,
    /// Hailo-15 low, 1e60:43a2.
    Hailo15L,
}

impl BoardKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Hailo8, Self::Hailo15H, Self::Hailo15L];

    /// The PCI device id (the vendor is 0x1e60).
    #[must_use]
    pub const fn pci_device(self) -> u16 {
        match self {
            Self::Hailo8 => 0x2864,
            Self::Hailo15H => 0x45c4,
            Self::Hailo15L => 0x43a2,
        }
    }

    /// The number in the device properties of a release, or `None` if that release does not drive the board as a neural
    /// network core.
    #[must_use]
    pub fn number(self, release: DriverRelease) -> Option<u32> {
        let from = |major, minor, revision| release >= DriverRelease::new(major, minor, revision);
        let only_hailo8 = from(4, 23, 0) && !from(5, 0, 0);
        match self {
            Self::Hailo8 => (!from(5, 0, 1)).then_some(0),
            Self::Hailo15L if only_hailo8 => None,
            Self::Hailo15L => Some(if from(5, 0, 1) { 1 } else { 2 }),
            Self::Hailo15H if only_hailo8 => None,
            Self::Hailo15H => Some(if from(5, 0, 1) {
                3
            } else if from(5, 0, 0) {
                5
            } else if from(4, 18, 0) {
                4
            } else {
                1
            }),
        }
    }

    /// The kind that is used with a release if nothing else is asked for.
    #[must_use]
    pub fn default_for(release: DriverRelease) -> Self {
        if Self::Hailo8.number(release).is_some() { Self::Hailo8 } else { Self::Hailo15L }
    }

    /// The name in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hailo8 => "hailo8",
            Self::Hailo15H => "hailo15h",
            Self::Hailo15L => "hailo15l",
        }
    }
}

/// What an emulated machine is like.
///
/// As text: `driver=R,board=B,boards=N,firmware=V,seed=S,iommu=on|off,temperature=C,notify=S,log=S,dma=ordinary|recorded,
/// hw_consts=FILE`, in any order, everything optional. Nothing has a comma in it, a path neither.
///
/// ```
/// let options: hailo_mock::MachineOptions = "boards=2,seed=7".parse()?;
/// assert_eq!((options.boards, options.seed), (2, 7));
/// assert!("bords=2".parse::<hailo_mock::MachineOptions>().unwrap_err().to_string().contains("bords"));
/// # Ok::<(), hailo_mock::OptionsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineOptions {
    /// The release of the driver.
    pub driver: DriverRelease,
    /// The kind of all boards; `None`: one that the driver knows.
    pub board: Option<BoardKind>,
    /// How many boards.
    pub boards: usize,
    /// The version of the firmware; `None`: that of the driver.
    pub firmware: Option<DriverRelease>,
    /// Makes boards differ from those of another machine: serial numbers, for example.
    pub seed: u64,
    /// Whether the boards are behind an IOMMU.
    pub iommu: bool,
    /// The temperature of the boards, in thousandths of a degree Celsius; `None`: that of a board that is well.
    pub temperature: Option<i32>,
    /// How often the firmware sends a notification: heat, a lower clock, cooling, too much current, over and over; the
    /// temperature goes up and down with them, whatever it was. `None`: never.
    pub notify: Option<Duration>,
    /// How often the firmware writes a line into its log, the first one when it starts; `None`: never.
    pub log: Option<Duration>,
    /// Whether descriptor lists and buffers of the driver have the DMA addresses of the recordings of the vendor's library:
    /// 0x100000000 + n × 0x100000 for the n-th, from 1.
    pub recorded_dma: bool,
    /// The constants of the hardware that the firmware answers with; `None`: invented ones. As text, `hw_consts=FILE` takes
    /// them from the first answer to `GET_HW_CONSTS` in a recording of driver calls, compressed with gzip or not.
    pub hw_consts: Option<HwConsts>,
}

impl Default for MachineOptions {
    fn default() -> Self {
        Self {
            driver: DriverRelease::new(4, 23, 0),
            board: None,
            boards: 1,
            firmware: None,
            seed: 0,
            iommu: false,
            temperature: None,
            notify: None,
            log: None,
            recorded_dma: false,
            hw_consts: None,
        }
    }
}

/// The most boards of a machine.
pub const MAX_BOARDS: usize = 64;

/// Why there is no machine with these options.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A key that there is not.
    #[error(
        "the emulator has no option {key:?}; it knows driver, board, boards, firmware, seed, iommu, temperature, notify, log, dma and hw_consts"
    )]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A value that cannot be.
    #[error("the emulator cannot take {value:?} for {key}: it must be {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// A recording from which no constants of the hardware can be taken.
    #[error("the emulator cannot take hw_consts from {path:?}: {problem}")]
    HwConsts {
        /// The recording.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A release that is not known.
    #[error(
        "the emulator does not know the driver release {release} (the nearest known: {}; `hailo abi releases` lists all)",
        Nearest::to(*release)
    )]
    UnknownRelease {
        /// The release.
        release: DriverRelease,
    },
    /// The driver has nothing to do with the board.
    #[error(
        "driver {release} does not drive {} (1e60:{:04x}); use {} with it",
        board.name(), board.pci_device(), boards_for(*release)
    )]
    Board {
        /// The release.
        release: DriverRelease,
        /// The board.
        board: BoardKind,
    },
}

fn boards_for(release: DriverRelease) -> String {
    let kinds = BoardKind::ALL.iter().filter(|kind| kind.number(release).is_some());
    kinds.map(|kind| kind.name()).collect::<Vec<_>>().join(" or ")
}

impl MachineOptions {
    /// What the firmware answers.
    pub(crate) fn values(&self) -> FirmwareValues {
        let mut values = FirmwareValues::default();
        if let Some(temperature) = self.temperature {
            values.temperatures = [temperature as f32 / 1000.0; 2];
        }
        if let Some(hw_consts) = self.hw_consts {
            values.hw_consts = hw_consts;
        }
        values
    }

    /// The interface of the driver and the kind of the boards, if they go together.
    pub(crate) fn resolve(&self) -> Result<(&'static Interface, BoardKind, u32), OptionsError> {
        let release = self.driver;
        let interface = Interface::of(release).ok_or(OptionsError::UnknownRelease { release })?;
        let board = self.board.unwrap_or(BoardKind::default_for(release));
        let number = board.number(release).ok_or(OptionsError::Board { release, board })?;
        Ok((interface, board, number))
    }
}

/// What a period looks like.
const PERIOD: &str = "seconds such as 0.5, at least 0.001";

/// A time in seconds.
fn period(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.001..=1e6).contains(seconds))?;
    Some(Duration::from_secs_f64(seconds))
}

impl FromStr for MachineOptions {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let mut options = Self::default();
        for option in text.split(',').filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            let wrong = |key, expected| OptionsError::Value { key, value: value.to_owned(), expected };
            match key {
                "driver" => {
                    options.driver = value.parse().map_err(|_| wrong("driver", "a release such as 4.23.0"))?;
                }
                "board" => {
                    let kind = BoardKind::ALL.into_iter().find(|kind| {
                        let id = format!("{:04x}", kind.pci_device());
                        [kind.name(), &id, &format!("1e60:{id}")].contains(&value.to_ascii_lowercase().as_str())
                    });
                    let expected = "hailo8 (2864), hailo15h (45c4) or hailo15l (43a2)";
                    options.board = Some(kind.ok_or_else(|| wrong("board", expected))?);
                }
                "boards" => {
                    let count = value.parse().ok().filter(|count| *count <= MAX_BOARDS);
                    options.boards = count.ok_or_else(|| wrong("boards", "a number from 0 to 64"))?;
                }
                "firmware" => {
                    let version = value.parse().map_err(|_| wrong("firmware", "a version such as 4.23.0"))?;
                    options.firmware = Some(version);
                }
                "seed" => options.seed = value.parse().map_err(|_| wrong("seed", "a number"))?,
                "iommu" => {
                    options.iommu = match value {
                        "on" | "1" => true,
                        "off" | "0" => false,
                        _ => return Err(wrong("iommu", "on or off")),
                    };
                }
                "temperature" => {
                    let degrees = value.parse().ok().filter(|degrees: &f32| (-273.0..=1000.0).contains(degrees));
                    let degrees = degrees.ok_or_else(|| wrong("temperature", "degrees Celsius such as 48.5"))?;
                    options.temperature = Some((degrees * 1000.0).round() as i32);
                }
                "notify" => options.notify = Some(period(value).ok_or_else(|| wrong("notify", PERIOD))?),
                "log" => options.log = Some(period(value).ok_or_else(|| wrong("log", PERIOD))?),
                "dma" => {
                    options.recorded_dma = match value {
                        "recorded" => true,
                        "ordinary" => false,
                        _ => return Err(wrong("dma", "ordinary or recorded")),
                    };
                }
                "hw_consts" => {
                    let wrong = |problem| OptionsError::HwConsts { path: value.to_owned(), problem };
                    options.hw_consts = Some(crate::recorded::hw_consts(Path::new(value)).map_err(wrong)?);
                }
                _ => return Err(OptionsError::UnknownKey { key: key.to_owned() }),
            }
        }
        options.resolve()?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_have_the_numbers_of_their_release() {
        let number = |kind: BoardKind, text: &str| kind.number(text.parse().unwrap());
        assert_eq!(number(BoardKind::Hailo8, "4.17.0"), Some(0));
        assert_eq!(number(BoardKind::Hailo8, "5.0.0"), Some(0));
        assert_eq!(number(BoardKind::Hailo8, "5.0.1"), None);
        assert_eq!(number(BoardKind::Hailo15L, "4.22.0"), Some(2));
        assert_eq!(number(BoardKind::Hailo15L, "4.23.0"), None);
        assert_eq!(number(BoardKind::Hailo15L, "5.0.0"), Some(2));
        assert_eq!(number(BoardKind::Hailo15L, "5.3.0"), Some(1));
        assert_eq!(number(BoardKind::Hailo15H, "4.17.1"), Some(1));
        assert_eq!(number(BoardKind::Hailo15H, "4.19.0"), Some(4));
        assert_eq!(number(BoardKind::Hailo15H, "5.0.0"), Some(5));
        assert_eq!(number(BoardKind::Hailo15H, "5.2.0"), Some(3));
    }

    #[test]
    fn an_iommu_is_on_or_off() {
        for (text, iommu) in
            [("", false), ("iommu=on", true), ("iommu=1", true), ("iommu=off", false), ("iommu=0", false)]
        {
            assert_eq!(text.parse::<MachineOptions>().unwrap().iommu, iommu, "{text}");
        }
    }

    #[test]
    fn bad_options_are_named() {
        for (text, part) in [
            ("color=red", "color"),
            ("boards=x", "boards"),
            ("boards=65", "boards"),
            ("driver=9.9.9", "9.9.9"),
            ("driver=new", "driver"),
            ("board=toaster", "toaster"),
            ("iommu=perhaps", "iommu"),
            ("seed", "seed"),
            ("temperature=hot", "temperature"),
            ("notify=0", "notify"),
            ("log=never", "log"),
            ("dma=mine", "dma"),
            ("hw_consts=/no/such/file", "\"/no/such/file\": it cannot be opened: No such file"),
            ("hw_consts=/", "it cannot be read: Is a directory"),
            ("hw_consts=/dev/null", "there is no answer to GET_HW_CONSTS in it"),
            ("hw_consts=/proc/self/status", "line 1 is none of a recording"),
        ] {
            let message = text.parse::<MachineOptions>().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
