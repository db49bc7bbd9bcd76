//! How large descriptor lists have to be.

use hailo_abi::command::DescListCreate;

use super::options::Setting;
use crate::hef::{Layer, Refusal};

/// Descriptors of a list, at most.
const MAX_DESCRIPTORS: u64 = 65536;
/// Descriptors of a list that can be in use at a time: one stays free.
const MAX_IN_USE: u64 = MAX_DESCRIPTORS - 1;
/// The smallest page, in bytes.
const MIN_PAGE: u64 = 64;

/// The smallest power of two that is not less than `value` and `low`.
fn power_of_two(value: u64, low: u64) -> u64 {
    // Both are sizes in bytes or descriptors, far below 2^63.
    value.max(low).next_power_of_two()
}

/// A list of `descriptors` pages of `page` bytes; both are within the limits when this is called.
fn list(descriptors: u64, page: u64, is_circular: bool) -> Result<DescListCreate, Refusal> {
    let desc_page_size = u16::try_from(page)
        .ok()
        .filter(|_| page >= MIN_PAGE)
        .ok_or_else(|| Refusal::buffers(format!("pages of {page} bytes in a descriptor list")))?;
    Ok(DescListCreate { desc_count: descriptors, desc_page_size, is_circular })
}

/// How many transfers of a stream are under way at most, in the host's queue and in the device together.
pub(super) fn queue_depth(layer: &Layer, setting: &Setting) -> Result<u16, Refusal> {
    /// As much of a stream as is worth keeping in the host's memory, in bytes.
    const WORTH: u64 = 32 << 20;
    /// Frames under way, where they are small enough and the batch does not demand more.
    const FRAMES: u64 = 32;
    let transfers = u64::from(layer.transfers_per_frame());
    let low = 2 * u64::from(setting.batch) * transfers;
    let high = low.max(FRAMES * transfers);
    let queue = (WORTH / (u64::from(layer.transfer_size) * transfers)).clamp(low, high);
    u16::try_from(queue).map_err(|_| {
        Refusal::invalid(format!(
            "a queue of {queue} transfers of {} bytes for stream `{}`",
            layer.transfer_size, layer.tensor.name
        ))
    })
}

/// The list of a stream of the user: circular, with room for `queue` transfers, each of which may be cut in two.
pub(super) fn boundary(layer: &Layer, queue: u16, setting: &Setting) -> Result<DescListCreate, Refusal> {
    let size = u64::from(layer.transfer_size);
    let ordinary = u64::from(setting.page);
    let max_page = u64::from(setting.max_page);
    let refused = || {
        Refusal::buffers(format!(
            "a transfer of {size} bytes for stream `{}` needs more than {MAX_DESCRIPTORS} pages of {max_page} bytes",
            layer.tensor.name
        ))
    };
    let mut next_limit = Some(ordinary);
    let page = loop {
        let mut limit = next_limit.filter(|limit| *limit <= max_page).ok_or_else(refused)?;
        // A page must not fill the stream's whole memory in the device, and then there is no larger one either.
        next_limit = (limit != u64::from(layer.max_shmifo_size)).then_some(limit * 2);
        if next_limit.is_none() {
            limit /= 2;
        }
        if size.div_ceil(limit) + 1 > MAX_DESCRIPTORS {
            continue;
        }
        let mut page = ordinary.min(limit);
        if page > size {
            page = power_of_two(size, MIN_PAGE);
        }
        // At least two transfers have to fit.
        while (size.div_ceil(page) + 1) * 2 > MAX_IN_USE {
            page *= 2;
            if page > limit {
                page = limit;
                break;
            }
        }
        if power_of_two(size.div_ceil(page) + 1, 2) > MAX_DESCRIPTORS {
            continue;
        }
        break page;
    };
    let descriptors = ((size.div_ceil(page) + 1) * u64::from(queue) + 1).min(MAX_DESCRIPTORS);
    list(power_of_two(descriptors, 2), page, true)
}

/// The list of a configuration channel in one context, for writes of these sizes.
pub(super) fn configuration(sizes: &[u64], setting: &Setting) -> Result<DescListCreate, Refusal> {
    let needed = |page: u64| sizes.iter().map(|size| size.div_ceil(page)).sum::<u64>() + 1;
    let mut page = u64::from(setting.page);
    while needed(page) > MAX_IN_USE {
        page *= 2;
        if page > u64::from(setting.max_page) {
            return Err(Refusal::buffers(format!(
                "{} bytes of configuration words need more than {MAX_IN_USE} pages of {} bytes",
                sizes.iter().sum::<u64>(),
                setting.max_page
            )));
        }
    }
    if needed(page) == 1 {
        return Err(Refusal::invalid("configuration writes without any words"));
    }
    list(needed(page), page, false)
}

/// The list of a buffer between layers: `transfers` of `size` bytes. A circular one for data that goes round and round,
/// and then one more page is not needed.
pub(super) fn intermediate(
    size: u64,
    transfers: u64,
    is_circular: bool,
    setting: &Setting,
) -> Result<DescListCreate, Refusal> {
    with_pages(size, transfers, is_circular, setting.page.into(), setting.max_page.into())
}

/// The list of one side of a cache: entries of `size` bytes which take `padded` bytes each.
pub(super) fn cache(size: u64, padded: u64, entries: u64, setting: &Setting) -> Result<DescListCreate, Refusal> {
    let max_page = padded.min(setting.max_page.into());
    with_pages(size, entries, false, max_page.min(setting.page.into()), max_page)
}

fn with_pages(
    size: u64,
    transfers: u64,
    is_circular: bool,
    ordinary: u64,
    max_page: u64,
) -> Result<DescListCreate, Refusal> {
    let refused = || {
        Refusal::buffers(format!(
            "{transfers} transfers of {size} bytes need more than {MAX_DESCRIPTORS} pages of {max_page} bytes"
        ))
    };
    let spare = u64::from(!is_circular);
    let mut page = if size >= ordinary { ordinary } else { power_of_two(size, MIN_PAGE) };
    if size.div_ceil(max_page) + spare > MAX_DESCRIPTORS {
        return Err(refused());
    }
    while (size.div_ceil(page) + spare).saturating_mul(transfers) > MAX_IN_USE {
        page *= 2;
        if page > max_page {
            return Err(refused());
        }
    }
    let descriptors = (size.div_ceil(page) * transfers + 1).clamp(2, MAX_DESCRIPTORS);
    let descriptors = if is_circular { power_of_two(descriptors, 2) } else { descriptors };
    list(descriptors, page, is_circular)
}
