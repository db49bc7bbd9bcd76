//! What the firmware, the log and the driver itself are asked.

use hailo_abi::command::{Command, FwControl, ReadLog};
use hailo_abi::enums::CpuId;
use hailo_mock::File;

use super::Run;

impl Run<'_> {
    pub(super) fn control(&mut self, file: &File, model: usize) {
        let opcode: u16 =
            self.source.pick(&[0xf001, 0xf001, 0xf001, 0xf002, 0xf003, 0xf00a, 0xf00b, 0xf007, 0xf006, 0]);
        let mut request = vec![0; 14];
        request.extend_from_slice(&opcode.to_be_bytes());
        request.push(self.source.pick(&[0, 16, 0, 16, 1, 17, 255]));
        match opcode {
            0xf001 => {
                // The list's address is found out as a firmware is told it: from its creation.
                request.push(u8::from(self.source.byte() != 0));
                let number = self.source.byte();
                request.extend_from_slice(&self.list_address(model, number).to_le_bytes());
                request.push(self.source.byte() % 17);
            }
            0xf007 | 0xf002 => {
                request.extend_from_slice(&[0, self.source.byte(), 0, self.source.byte(), 0, 0, 0, 0, 0])
            }
            _ => request.extend((0..5).map(|_| self.source.byte())),
        }
        if opcode == 0xf007 || opcode == 0xf002 {
            // At once: the run does not wait for anything.
            request[16] = 0;
        }
        let params = FwControl {
            expected_md5: [0; 16],
            buffer_len: if self.source.byte() == 0xff { self.source.number() as u32 } else { request.len() as u32 },
            buffer: &request,
            timeout_ms: 0,
            cpu_id: CpuId::CPU0,
        };
        self.call(file, &Command::FwControl(params), |_, _| ());
    }

    /// Some address at which a list may be: lists lie one behind the other in the device's address space.
    pub(super) fn list_address(&self, model: usize, number: u8) -> u64 {
        0x1000_0000 + (u64::from(number) + (model as u64 & 1)) * 0x2_0000
    }

    pub(super) fn notifications(&mut self, file: &File) {
        let command =
            if self.source.byte() & 1 == 0 { Command::ReadNotification } else { Command::DisableNotification };
        self.call(file, &command, |_, _| ());
    }

    pub(super) fn queries(&mut self, file: &File) {
        let command = match self.source.byte() % 4 {
            0 => Command::QueryDriverInfo,
            1 => Command::QueryDeviceProperties,
            2 => Command::MarkAsInUse,
            _ => Command::ReadLog(ReadLog {
                cpu_id: CpuId::from_raw(self.source.byte().into()),
                buffer_size: self.source.number(),
            }),
        };
        self.call(file, &command, |_, _| ());
    }
}
