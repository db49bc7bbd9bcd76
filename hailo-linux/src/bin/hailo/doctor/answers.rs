//! What devices said, in the form of a file: the `answers` of `hailo doctor --json`.

use std::path::Path;

use hailo_abi::DriverRelease;
use hailo_abi::firmware::FirmwareRelease;
use hailo_linux::doctor::{Answers, DeviceAnswers};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// [`Answers`] as a file has them; what is left out was not asked.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Recorded {
    pub(super) page_size: Option<u64>,
    pub(super) devices: Vec<Device>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Device {
    node: String,
    problem: Option<String>,
    driver_release: Option<String>,
    desc_max_page_size: Option<u32>,
    is_fw_loaded: Option<bool>,
    firmware_release: Option<String>,
    temperatures: Option<[f32; 2]>,
    orange_threshold: Option<i32>,
    red_threshold: Option<i32>,
    temperature_zone: Option<u8>,
    temperature_throttling: Option<bool>,
    temperature_events: Vec<String>,
}

impl Device {
    /// Everything that it said, in one line.
    pub(super) fn summary(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |text: Option<String>| parts.extend(text);
        part(self.problem.clone());
        part(self.driver_release.as_ref().map(|release| format!("driver {release}")));
        part(self.firmware_release.as_ref().map(|release| format!("firmware {release}{}", known(release))));
        part(self.is_fw_loaded.filter(|loaded| !loaded).map(|_| "no firmware loaded".into()));
        part(self.desc_max_page_size.map(|size| format!("descriptor pages up to {size} bytes")));
        part(self.temperatures.map(|[first, second]| format!("{first:.1} and {second:.1} °C")));
        part(self.temperature_throttling.filter(|throttling| *throttling).map(|_| "throttling".into()));
        format!("{}: {}", self.node, if parts.is_empty() { "none".into() } else { parts.join(", ") })
    }
}

impl From<&Answers> for Recorded {
    fn from(answers: &Answers) -> Self {
        let device = |device: &DeviceAnswers| Device {
            node: device.node.clone(),
            problem: device.problem.clone(),
            driver_release: device.driver.map(|release| release.to_string()),
            desc_max_page_size: device.desc_max_page_size,
            is_fw_loaded: device.is_fw_loaded,
            firmware_release: device.firmware.map(|release| release.to_string()),
            temperatures: device.temperatures,
            orange_threshold: device.orange_threshold,
            red_threshold: device.red_threshold,
            temperature_zone: device.temperature_zone,
            temperature_throttling: device.temperature_throttling,
            temperature_events: device.temperature_events.clone(),
        };
        Self { page_size: answers.page_size, devices: answers.devices.iter().map(device).collect() }
    }
}

/// Whether a firmware's release is known, where it is not.
fn known(release: &str) -> &'static str {
    let release = release.parse::<DriverRelease>().map(|r| FirmwareRelease::new(r.major, r.minor, r.revision));
    if release.is_ok_and(|release| release.interface().is_none()) { " (not known here)" } else { "" }
}

/// Three numbers with dots between them.
fn release(text: Option<&String>) -> Result<Option<DriverRelease>, String> {
    text.map(|text| text.parse().map_err(|error| format!("{text:?}: {error}"))).transpose()
}

impl TryFrom<Recorded> for Answers {
    type Error = String;

    fn try_from(recorded: Recorded) -> Result<Self, String> {
        let device = |device: Device| {
            let firmware = release(device.firmware_release.as_ref())?;
            Ok(DeviceAnswers {
                driver: release(device.driver_release.as_ref())?,
                firmware: firmware.map(|release| FirmwareRelease::new(release.major, release.minor, release.revision)),
                node: device.node,
                problem: device.problem,
                desc_max_page_size: device.desc_max_page_size,
                is_fw_loaded: device.is_fw_loaded,
                temperatures: device.temperatures,
                orange_threshold: device.orange_threshold,
                red_threshold: device.red_threshold,
                temperature_zone: device.temperature_zone,
                temperature_throttling: device.temperature_throttling,
                temperature_events: device.temperature_events,
            })
        };
        let devices = recorded.devices.into_iter().map(device).collect::<Result<_, String>>()?;
        Ok(Self { page_size: recorded.page_size, devices })
    }
}

/// The answers in a file: either they are all that is in it, or it is a whole diagnosis.
pub(super) fn read(file: &Path) -> Result<Answers, Failure> {
    let text = std::fs::read(file).map_err(|error| Failure::file("read", file, &error))?;
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::new(format_args!(
            "{} has no answers of devices: {error}; it should come from `hailo doctor --json`",
            file.display()
        ))
    };
    let mut value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
    if let Some(answers) = value.get_mut("answers") {
        value = answers.take();
    }
    let recorded: Recorded = serde_json::from_value(value).map_err(|error| wrong(&error))?;
    recorded.try_into().map_err(|error| wrong(&error))
}
