//! Any bytes as a model file: it is refused, or it is planned without a contradiction.

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::actions::ActionReader;
use hailo_abi::firmware::control::HwConsts;
use hailo_abi::firmware::layout::Bool;
use hailo_linux::hef::Hef;
use hailo_linux::network::{DeviceFacts, Options, Plan, PowerMode};

use crate::models::{self, files, simulation};

/// Constants of a device, as the emulated ones of the recordings had them.
pub const CONSTANTS: HwConsts = HwConsts {
    fifo_word_granularity_bytes: 8,
    max_periph_buffers_per_frame: 0x3fff,
    max_periph_bytes_per_buffer: 0xfff8,
    max_acceptable_bytes_per_buffer: 2048,
    outbound_data_stream_size: 0x0001_0000,
    should_optimize_credits: Bool::new(true),
    default_initial_credit_size: 0x8000,
};

/// Looks at `data` as a file, and as the description and words of one with a right header.
///
/// The first byte chooses version, batch, page, power mode and firmware of the second.
///
/// # Panics
/// If a plan contradicts itself.
pub fn run(data: &[u8]) {
    let _ = plan(data.to_vec(), &Options::default(), &models::hailo8(4096));
    let Some((&choice, [low, high, rest @ ..])) = data.split_first() else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
    let (description, words) = rest.split_at(length);
    let options = Options {
        batch_size: [1, 2, 17, 63][usize::from(choice >> 2 & 3)],
        power_mode: if choice & 0x40 == 0 { PowerMode::Performance } else { PowerMode::UltraPerformance },
        page_size: (choice & 0x80 != 0).then_some(64),
        ..Options::default()
    };
    let facts = DeviceFacts {
        firmware: [
            FirmwareInterface::V4_17,
            FirmwareInterface::V4_20,
            FirmwareInterface::V4_21,
            FirmwareInterface::V5_1,
        ][usize::from(choice >> 4 & 3)],
        ..models::hailo8(4096)
    };
    let _ = plan(files::pack(u32::from(choice & 3), description, words), &options, &facts);
}

/// Plans every group of a file, and checks what comes out.
///
/// # Errors
/// In words, when the file or the plan is refused.
///
/// # Panics
/// If a plan contradicts itself.
pub fn plan(file: Vec<u8>, options: &Options, facts: &DeviceFacts) -> Result<usize, String> {
    let hef = Hef::from_bytes(file).map_err(|error| error.to_string())?;
    let _ = hef.describe().to_string();
    for group in hef.groups() {
        let plan = Plan::new(&hef, group, options, facts, &CONSTANTS).map_err(|refusal| refusal.to_string())?;
        check(&plan);
    }
    Ok(hef.groups().len())
}

fn check(plan: &Plan) {
    // Uses nothing before it is there, and nothing outside of it.
    let sent = simulation::sent(plan);
    for list in &plan.lists {
        assert!((2..=65536).contains(&list.desc_count), "{list:?}");
        assert!(list.desc_page_size.is_power_of_two() && (64..=4096).contains(&list.desc_page_size), "{list:?}");
        assert!(!list.is_circular || list.desc_count.is_power_of_two(), "{list:?}");
    }
    for buffer in &plan.buffers {
        assert!(buffer.size > 0, "{buffer:?}");
    }
    let mut context = Vec::new();
    for chunk in &sent.contexts {
        if chunk.is_first {
            context.clear();
        }
        context.extend(&chunk.data);
        if chunk.is_last {
            for piece in ActionReader::new(plan.firmware, &context) {
                piece.unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}
