//! Asks devices what `doctor` cannot see in files. Nothing is changed by it.

use std::time::{Duration, Instant};

use hailo_abi::firmware::FirmwareRelease;
use hailo_abi::firmware::notification::{Event, Notification};
use hailo_linux::doctor::DeviceAnswers;
use hailo_linux::error::ErrorKind;
use hailo_linux::{Device, Firmware, Options};

use crate::firmware::throttling_level;

/// Opens a device and asks it; it will be called `node` in the findings.
pub(super) fn ask(name: &str, node: &str, options: Options, listen: Duration) -> DeviceAnswers {
    let mut answers = DeviceAnswers { node: node.to_owned(), ..DeviceAnswers::default() };
    let device = match Device::open_with(name, options) {
        Ok(device) => device,
        Err(error) => {
            match error.kind() {
                // Findings of their own, which say more.
                ErrorKind::NoNode | ErrorKind::Permission => {}
                ErrorKind::UnknownRelease { release, .. } => answers.driver = Some(*release),
                _ => answers.problem = Some(error.to_string()),
            }
            return answers;
        }
    };
    answers.driver = Some(device.release());
    answers.desc_max_page_size = Some(device.properties().desc_max_page_size.into());
    answers.is_fw_loaded = Some(device.properties().is_fw_loaded);
    if device.properties().is_fw_loaded {
        let asked = device.firmware().and_then(|firmware| ask_firmware(&device, &firmware, listen, &mut answers));
        answers.problem = asked.err().map(|error| error.to_string());
    }
    answers
}

fn ask_firmware(
    device: &Device,
    firmware: &Firmware,
    listen: Duration,
    answers: &mut DeviceAnswers,
) -> hailo_linux::Result<()> {
    answers.firmware = Some(firmware.release());
    let temperature = firmware.temperature()?;
    answers.temperatures = Some([temperature.ts0_temperature, temperature.ts1_temperature]);
    let health = firmware.health()?;
    answers.orange_threshold = Some(health.orange_temperature_threshold);
    answers.red_threshold = Some(health.red_temperature_threshold);
    answers.temperature_zone = Some(health.current_temperature_zone);
    answers.temperature_throttling = Some(throttling_level(&health).is_some());
    if !listen.is_zero() {
        answers.temperature_events = temperature_events(device, firmware.release(), listen)?;
    }
    Ok(())
}

/// What the firmware says of the temperature while it is listened to.
fn temperature_events(device: &Device, release: FirmwareRelease, listen: Duration) -> hailo_linux::Result<Vec<String>> {
    let notifications = device.notifications()?;
    let deadline = Instant::now() + listen;
    let mut events = Vec::new();
    loop {
        match notifications.receive(deadline.saturating_duration_since(Instant::now())) {
            Ok(notification) => {
                if let Ok(Notification {
                    event: event @ (Event::TemperatureAlarm(_) | Event::ClosedStreams(_)), ..
                }) = notification.read(release)
                {
                    events.push(event.to_string());
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::Timeout(_)) => return Ok(events),
            Err(error) => return Err(error),
        }
    }
}
