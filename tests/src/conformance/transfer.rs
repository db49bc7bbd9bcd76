//! Descriptor lists and transfers: what programs, launches, prepares and cancels.

use crate::conformance::layout::Argument;
use crate::conformance::stage::{File, Made, Step, Stop, broken};
use crate::conformance::system::Answer;
use crate::conformance::table::Outcome;

/// A DESC_LIST_PROGRAM. In 5.x `size` is that of one transfer and `batch` how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) buffer: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    pub(crate) batch: u32,
    pub(crate) list: u64,
    pub(crate) channel: u8,
    pub(crate) start: u32,
    pub(crate) bind: bool,
    pub(crate) domain: u32,
    pub(crate) debug: bool,
    pub(crate) stride: u32,
}

/// One transfer of `size` bytes into a list, from its first descriptor.
pub(crate) fn program(buffer: u64, size: u64, list: u64) -> Program {
    Program {
        buffer,
        size,
        offset: 0,
        batch: 1,
        list,
        channel: 0,
        start: 0,
        bind: true,
        domain: 0,
        debug: false,
        stride: 0,
    }
}

/// A buffer of a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffer {
    pub(crate) at: u64,
    pub(crate) size: u32,
    pub(crate) kind: u32,
}

/// User memory.
pub(crate) fn memory(at: usize, size: u32) -> Buffer {
    Buffer { at: at as u64, size, kind: 0 }
}

/// A VDMA_LAUNCH_TRANSFER or VDMA_PREPARE_TRANSFER.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) engine: u8,
    pub(crate) channel: u8,
    pub(crate) list: u64,
    pub(crate) start: u32,
    pub(crate) bind: bool,
    pub(crate) buffers: Vec<Buffer>,
    /// `buffers_count`, if it is not the number of buffers.
    pub(crate) count: Option<u8>,
    pub(crate) first_domain: u32,
    pub(crate) last_domain: u32,
    pub(crate) debug: bool,
    pub(crate) cyclic: bool,
}

/// A transfer of buffers on a channel, with an interrupt of the host at its end.
pub(crate) fn launch(channel: u8, list: u64, start: u32, buffers: &[Buffer]) -> Launch {
    Launch {
        engine: 0,
        channel,
        list,
        start,
        bind: true,
        buffers: buffers.to_vec(),
        count: None,
        first_domain: 0,
        last_domain: 2,
        debug: false,
        cyclic: false,
    }
}

/// Why a launch is not made where the request has no words for it.
pub(crate) const INEXPRESSIBLE: &str = "before 4.21 a launch names at most two mappings";

impl File<'_> {
    fn program_argument(&self, program: Program) -> Argument<'_> {
        self.argument("DESC_LIST_PROGRAM")
            .set("buffer_handle", program.buffer)
            .set("buffer_size", program.size)
            .set("buffer_offset", program.offset)
            .set("batch_size", program.batch.into())
            .set("desc_handle", program.list)
            .set("channel_index", program.channel.into())
            .set("starting_desc", program.start.into())
            .set("should_bind", program.bind.into())
            .set("last_interrupts_domain", program.domain.into())
            .set("is_debug", program.debug.into())
            .set("stride", program.stride.into())
    }

    pub(crate) fn program(&self, program: Program) -> Answer {
        self.call(&mut self.program_argument(program))
    }

    /// Whether this release's request can say what the program means.
    pub(crate) fn can_program(&self, program: Program) -> bool {
        let argument = self.argument("DESC_LIST_PROGRAM");
        let old_bind = argument.has("should_bind") || (program.bind && program.domain == 0 && !program.debug);
        let batched = argument.has("batch_size") || program.batch == 1;
        let strided = argument.has("stride") || program.stride == 0;
        old_bind && batched && strided
    }

    /// Whether this release's request can say what the launch means.
    pub(crate) fn can_launch(&self, launch: &Launch) -> bool {
        !self.stage.before(4, 21) || (launch.buffers.len() <= 2 && launch.buffers.iter().all(|buffer| buffer.kind == 0))
    }

    fn transfer_argument(&self, request: &str, launch: &Launch) -> Argument<'_> {
        let count = launch.count.unwrap_or(launch.buffers.len() as u8);
        let mut argument = self
            .argument(request)
            .set("engine_index", launch.engine.into())
            .set("channel_index", launch.channel.into())
            .set("desc_handle", launch.list)
            .set("starting_desc", launch.start.into())
            .set("should_bind", launch.bind.into())
            .set("buffers_count", count.into())
            .set("first_interrupts_domain", launch.first_domain.into())
            .set("last_interrupts_domain", launch.last_domain.into())
            .set("is_debug", launch.debug.into())
            .set("is_cyclic", launch.cyclic.into());
        let element = "hailo_vdma_transfer_buffer";
        let room = argument.get_bytes("buffers").len() / self.stage.layout.size_of(element);
        for (index, buffer) in launch.buffers.iter().take(room).enumerate() {
            let (start, handle) = self.mapping_of(buffer.at as usize, launch.channel).unwrap_or((0, 0x999));
            argument = argument
                .set_in("buffers", element, index, "buffer_type", buffer.kind.into())
                .set_in("buffers", element, index, "addr_or_fd", buffer.at)
                .set_in("buffers", element, index, "mapped_buffer_handle", handle)
                .set_in("buffers", element, index, "offset", buffer.at.wrapping_sub(start as u64))
                .set_in("buffers", element, index, "size", buffer.size.into());
        }
        argument
    }

    pub(crate) fn launch(&self, launch: &Launch) -> Answer {
        self.call(&mut self.transfer_argument("VDMA_LAUNCH_TRANSFER", launch))
    }

    pub(crate) fn prepare(&self, launch: &Launch) -> Answer {
        self.call(&mut self.transfer_argument("VDMA_PREPARE_TRANSFER", launch))
    }

    pub(crate) fn cancel(&self, list: u64) -> Answer {
        self.call(&mut self.argument("VDMA_CANCEL_PREPARED_TRANSFER").set("desc_handle", list))
    }

    /// A launch and the number of descriptors that it programmed, wherever the release puts it.
    pub(crate) fn launch_counted(&self, launch: &Launch) -> (Answer, i64) {
        let mut argument = self.transfer_argument("VDMA_LAUNCH_TRANSFER", launch);
        let answer = self.call(&mut argument);
        let count = if argument.has("descs_programed") {
            argument.get("descs_programed") as i64
        } else {
            answer.unwrap_or_default()
        };
        (answer, count)
    }

    /// A launch, recorded with the hardware's `num_avail` after it.
    pub(crate) fn launch_case(&self, name: &str, launch: &Launch) -> Step {
        if !self.can_launch(launch) {
            self.stage.skip(name, INEXPRESSIBLE);
            return Ok(());
        }
        let answer = self.launch(launch);
        let outcome = self.with_available(Outcome::of(answer), launch.channel)?;
        self.stage.case(name, outcome);
        Ok(())
    }

    /// An outcome with the hardware's `num_avail` of a channel.
    pub(crate) fn with_available(&self, outcome: Outcome, channel: u8) -> Step<Outcome> {
        let available = self.channel(channel)?.available;
        Ok(outcome.with("hw_num_avail_after", available))
    }

    /// A list that a script needs.
    pub(crate) fn need_list(&self, count: u64, page_size: u16, circular: bool) -> Step<Made> {
        self.list(count, page_size, circular).needed("descriptor list")
    }

    /// A launch that a script needs.
    pub(crate) fn need_launch(&self, launch: &Launch) -> Step<i64> {
        let (answer, count) = self.launch_counted(launch);
        answer.map(|_| count).map_err(|errno| broken("launch", errno))
    }

    /// Waits until each channel has reported one transfer.
    pub(crate) fn wait_for_each(&self, channels: &[u8]) -> Step {
        let mut open: u64 = channels.iter().map(|channel| 1 << channel).sum();
        while open != 0 {
            let waited = self.wait(open);
            waited.answer.map_err(|errno| broken("wait for a transfer", errno))?;
            if waited.channels.is_empty() {
                return Err(Stop::Broken("a wait returned and reported no channel".into()));
            }
            waited.channels.iter().for_each(|(channel, _)| open &= !(1 << channel));
        }
        Ok(())
    }
}
