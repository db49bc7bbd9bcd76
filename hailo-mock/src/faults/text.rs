//! [`Strike`]s as text: `CALLS=FAULT`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hailo_abi::{DataModel, Errno, Interface, Operation};

use super::{Fault, Strike};

/// The name of all calls together.
const ANY: &str = "any";

/// Why a text is no [`Strike`], or one that can never happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fault {text:?} cannot be: {problem}")]
pub struct BadStrike {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The name of an operation in texts: `launch_transfer`.
fn name(operation: Operation) -> String {
    let mut name = String::new();
    for (index, letter) in operation.name().char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The operation with a name: `launch_transfer`, `LaunchTransfer`, or the vendor's `HAILO_VDMA_LAUNCH_TRANSFER`.
fn operation(text: &str) -> Option<Operation> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let wanted = plain(text);
    let wanted = wanted.strip_prefix("hailo").unwrap_or(&wanted);
    let wanted = wanted.strip_prefix("vdma").unwrap_or(wanted);
    Operation::ALL.iter().copied().find(|operation| plain(operation.name()) == wanted)
}

fn calls(text: &str) -> Result<(Option<Operation>, u64, u64), String> {
    let (named, numbers) = text.split_once('#').map_or((text, None), |(named, numbers)| (named, Some(numbers)));
    let of = if named == ANY {
        None
    } else {
        Some(operation(named).ok_or_else(|| {
            let known: Vec<_> = Operation::ALL.iter().map(|operation| name(*operation)).collect();
            format!("there is no call {named:?}; there are {ANY}, {}", known.join(", "))
        })?)
    };
    let Some(numbers) = numbers else { return Ok((of, 0, u64::MAX)) };
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
    let range = match numbers.split_once('-') {
        None => number(numbers).map(|number| (number - 1, 1)),
        Some((first, "")) => number(first).map(|first| (first - 1, u64::MAX)),
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some((first - 1, last - first + 1)),
            _ => None,
        },
    };
    let (from, count) = range.ok_or_else(|| {
        format!(
            "{numbers:?} names no calls: the first is 1, and 3, 3-5 and 3- are the third, three, and all from there on"
        )
    })?;
    Ok((of, from, count))
}

fn errno(text: &str) -> Result<Errno, String> {
    let number = || text.parse().ok().and_then(Errno::from_raw);
    Errno::from_name(text).or_else(number).ok_or_else(|| {
        format!("{text:?} is neither a fault nor an error number such as EIO or 5; the faults are {}", KINDS.join(", "))
    })
}

/// What there is besides error numbers.
const KINDS: [&str; 8] =
    ["after:ERRNO", "delay:TIME", "hold:TIME", "lose[:ERRNO]", "late", "drop", "double", "corrupt:OFFSET:HEXADECIMAL"];

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => 0.0,
    };
    let seconds = digits.parse::<f64>().ok().map(|number| number * unit).filter(|time| (1e-6..=86400.0).contains(time));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("{text:?} is no time such as 500us, 20ms or 1.5s"))
}

fn corrupt(text: &str) -> Option<Fault> {
    let (offset, digits) = text.split_once(':')?;
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|digit| digit as u8);
    let digits: Vec<u8> = digits.as_bytes().iter().map(digit).collect::<Option<_>>()?;
    let bits: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let whole = digits.len().is_multiple_of(2) && bits.iter().any(|bits| *bits != 0);
    whole.then_some(Fault::Corrupt { offset: offset.parse().ok()?, bits })
}

fn fault(text: &str) -> Result<Fault, String> {
    let (kind, value) = text.split_once(':').map_or((text, None), |(kind, value)| (kind, Some(value)));
    match (kind, value) {
        ("after", Some(value)) => errno(value).map(Fault::FailAfter),
        ("delay", Some(value)) => time(value).map(Fault::Delay),
        ("hold", Some(value)) => time(value).map(Fault::DelayAnswer),
        ("lose", None) => Ok(Fault::Lose(Errno::ENODEV)),
        ("lose", Some(value)) => errno(value).map(Fault::Lose),
        ("late", None) => Ok(Fault::AnswerLate),
        ("drop", None) => Ok(Fault::DropInterrupts),
        ("double", None) => Ok(Fault::DoubleInterrupts),
        ("corrupt", Some(value)) => corrupt(value).ok_or_else(|| {
            format!(
                "{value:?} is no place and change such as 16:ff, the offset in the argument and the bits to turn over"
            )
        }),
        _ => errno(text).map(Fault::Fail),
    }
}

/// Reads `CALLS=FAULT`.
///
/// `CALLS` is `any` or an operation, alone for all of its calls, or with the number of a call, counted from 1
/// (`fw_control#3`), of the first and the last (`fw_control#3-5`), or of the first (`fw_control#3-`). `FAULT` is an error
/// number (`EIO`, `5`) for [`Fault::Fail`], or one of
///
/// | text | fault |
/// |---|---|
/// | `after:ERRNO` | [`Fault::FailAfter`] |
/// | `delay:TIME` (`500us`, `20ms`, `1.5s`) | [`Fault::Delay`] |
/// | `hold:TIME` | [`Fault::DelayAnswer`] |
/// | `lose`, `lose:ERRNO` (`ENODEV` if not said) | [`Fault::Lose`] |
/// | `late` | [`Fault::AnswerLate`], of `fw_control` |
/// | `drop`, `double` | [`Fault::DropInterrupts`], [`Fault::DoubleInterrupts`], of `interrupts_wait` |
/// | `corrupt:OFFSET:HEXADECIMAL` | [`Fault::Corrupt`] |
///
/// ```
/// use hailo_abi::{Errno, Operation};
/// use hailo_mock::{Fault, Strike};
///
/// let strike: Strike = "launch_transfer#3=EIO".parse()?;
/// assert_eq!(strike, Strike::once(Operation::LaunchTransfer, 2, Fault::Fail(Errno::EIO)));
/// assert!("launch_transfer=late".parse::<Strike>().unwrap_err().to_string().contains("fw_control"));
/// # Ok::<(), hailo_mock::faults::BadStrike>(())
/// ```
impl FromStr for Strike {
    type Err = BadStrike;

    fn from_str(text: &str) -> Result<Self, BadStrike> {
        let strike = || {
            let (named, what) =
                text.split_once('=').ok_or("it must be CALLS=FAULT, such as launch_transfer#3=EIO".to_owned())?;
            let (operation, from, count) = calls(named)?;
            let fault = fault(what)?;
            let only = match fault {
                Fault::AnswerLate => Some(Operation::FwControl),
                Fault::DropInterrupts | Fault::DoubleInterrupts => Some(Operation::InterruptsWait),
                _ => None,
            };
            match only {
                Some(only) if operation != Some(only) => Err(format!("{what:?} is for {} only", name(only))),
                _ => Ok(Self { operation, from, count, fault }),
            }
        };
        strike().map_err(|problem| BadStrike { text: text.to_owned(), problem })
    }
}

impl fmt::Display for Strike {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation.map_or(ANY.to_owned(), name))?;
        let first = self.from.saturating_add(1);
        match (self.from, self.count) {
            (0, u64::MAX) => {}
            (_, 1) => write!(f, "#{first}")?,
            (_, u64::MAX) => write!(f, "#{first}-")?,
            (from, count) => write!(f, "#{first}-{}", from.saturating_add(count))?,
        }
        match &self.fault {
            Fault::Fail(errno) => write!(f, "={}", number(*errno)),
            Fault::FailAfter(errno) => write!(f, "=after:{}", number(*errno)),
            Fault::Delay(time) => write!(f, "=delay:{}us", time.as_micros()),
            Fault::DelayAnswer(time) => write!(f, "=hold:{}us", time.as_micros()),
            Fault::Lose(errno) => write!(f, "=lose:{}", number(*errno)),
            Fault::AnswerLate => f.write_str("=late"),
            Fault::DropInterrupts => f.write_str("=drop"),
            Fault::DoubleInterrupts => f.write_str("=double"),
            Fault::Corrupt { offset, bits } => {
                write!(f, "=corrupt:{offset}:")?;
                bits.iter().try_for_each(|bits| write!(f, "{bits:02x}"))
            }
        }
    }
}

fn number(errno: Errno) -> String {
    errno.name().map_or_else(|| errno.raw().to_string(), str::to_owned)
}

/// Takes the faults, `fault=CALLS=FAULT`, out of options that are separated by commas. Gives the other options and them.
///
/// # Errors
/// [`BadStrike`] for the first that cannot be read.
pub fn take_faults(options: &str) -> Result<(String, Vec<Strike>), BadStrike> {
    let (mut others, mut strikes) = (Vec::new(), Vec::new());
    for option in options.split(',') {
        match option.strip_prefix("fault=") {
            Some(fault) => strikes.push(fault.parse()?),
            None => others.push(option),
        }
    }
    Ok((others.join(","), strikes))
}

impl Strike {
    /// Whether it can happen to a driver with this interface.
    ///
    /// # Errors
    /// [`BadStrike`]: the driver has no such operation, or its argument no such byte.
    pub fn check(&self, interface: &Interface) -> Result<(), BadStrike> {
        let bad = |problem| BadStrike { text: self.to_string(), problem };
        let Some(operation) = self.operation else { return Ok(()) };
        let request = interface
            .request(operation, DataModel::NATIVE)
            .ok_or_else(|| bad(format!("this driver release has no {}", name(operation))))?;
        let size = request.size();
        match &self.fault {
            Fault::Corrupt { offset, bits } if offset.saturating_add(bits.len()) > size => {
                Err(bad(format!("the argument of {} has {size} bytes", name(operation))))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use hailo_abi::DriverRelease;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "any=EIO",
            "any#7=lose:ENODEV",
            "launch_transfer#3=EIO",
            "launch_transfer#3-5=after:ECONNRESET",
            "fw_control#2-=133",
            "fw_control#1=late",
            "interrupts_wait=drop",
            "interrupts_wait#2=double",
            "query_driver_info=corrupt:4:80ff",
            "buffer_map=delay:1500us",
            "buffer_map=hold:20000us",
        ] {
            let strike: Strike = text.parse().unwrap();
            assert_eq!(strike.to_string(), text);
            assert_eq!(strike.to_string().parse(), Ok(strike));
        }
    }

    #[test]
    fn operations_have_their_names_and_those_of_the_vendor() {
        for text in ["launch_transfer", "LaunchTransfer", "HAILO_VDMA_LAUNCH_TRANSFER", "vdma-launch-transfer"] {
            assert_eq!(operation(text), Some(Operation::LaunchTransfer), "{text}");
        }
        for entry in Interface::of(DriverRelease::new(4, 23, 0)).unwrap().requests {
            assert_eq!(operation(entry.name), Some(entry.operation), "{}", entry.name);
        }
        assert_eq!(
            "any=lose".parse(),
            Ok(Strike { operation: None, from: 0, count: u64::MAX, fault: Fault::Lose(Errno::ENODEV) })
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("EIO", "CALLS=FAULT"),
            ("lunch_transfer=EIO", "lunch_transfer"),
            ("fw_control#0=EIO", "the first is 1"),
            ("fw_control#5-3=EIO", "5-3"),
            ("fw_control#x=EIO", "\"x\""),
            ("fw_control=EWHAT", "EWHAT"),
            ("fw_control=", "error number"),
            ("fw_control=4096", "4096"),
            ("fw_control=delay:20", "20ms"),
            ("fw_control=delay:-1s", "-1s"),
            ("fw_control=delay:nans", "nans"),
            ("fw_control=drop", "interrupts_wait only"),
            ("any=late", "fw_control only"),
            ("fw_control=corrupt:ff", "16:ff"),
            ("fw_control=corrupt:0:00", "0:00"),
            ("fw_control=corrupt:0:f", "0:f"),
            ("fw_control=corrupt:0:é", "0:é"),
        ] {
            let message = text.parse::<Strike>().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn faults_stand_among_other_options() {
        let (others, strikes) = take_faults("driver=4.20.0,fault=fw_control#2=late,boards=2,fault=any#9=EIO").unwrap();
        assert_eq!(others, "driver=4.20.0,boards=2");
        assert_eq!(strikes.iter().map(Strike::to_string).collect::<Vec<_>>(), ["fw_control#2=late", "any#9=EIO"]);
        assert!(take_faults("fault=x").is_err());
        assert_eq!(take_faults(""), Ok((String::new(), Vec::new())));
    }

    #[test]
    fn what_a_release_has_not_cannot_be_struck() {
        let interface = Interface::of(DriverRelease::new(5, 3, 0)).unwrap();
        let check = |text: &str| text.parse::<Strike>().unwrap().check(interface).map_err(|error| error.to_string());
        assert_eq!(check("fw_control=corrupt:1519:ff"), Ok(()));
        assert!(check("fw_control=corrupt:2000:ff").unwrap_err().contains("bytes"));
        assert!(check("low_memory_buffer_alloc=ENOMEM").unwrap_err().contains("low_memory_buffer_alloc"));
    }
}
