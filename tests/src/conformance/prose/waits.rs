//! Enabling channels and waiting for them, from 5.0.0 on.

use crate::conformance::firmware::SINK;
use crate::conformance::prose::{EINVAL, FIVE, Running, V5_0_1, failed, on};
use crate::conformance::stage::{needed, pause};
use crate::conformance::system::Answer;

const EINTR: i32 = nix::libc::EINTR;

#[test]
fn channels_belong_to_a_file() {
    for release in FIVE {
        on(release, |stage| {
            let (a, b) = (stage.open()?, stage.open()?);
            needed("enable channel 0", a.enable(1))?;
            // Another file waits for nothing: to it the channel is disabled.
            let waited = b.wait_signal(1, 300);
            assert_eq!((waited.answer, waited.channels.len()), (Ok(0), 0), "{release}");
            assert!(waited.elapsed.as_millis() < 200, "{release}: {:?}", waited.elapsed);
            assert_eq!(b.enable(1), EINVAL, "{release}: enabling is exclusive over all files");
            // It can be disabled from there, but its owner does not see that.
            let waited = std::thread::scope(|scope| {
                scope.spawn(|| {
                    pause(60);
                    b.disable(1)
                });
                a.wait_signal(1, 250)
            });
            assert_eq!(waited.answer, failed(EINTR), "{release}: the owner's wait is not woken");
            assert_eq!(a.wait_signal(1, 60).answer, failed(EINTR), "{release}: later waits still block");
            assert_eq!(b.enable(1), Ok(0), "{release}: it is free for others");
            Ok(())
        });
    }
}

#[test]
fn bitmaps_of_64_channels() {
    for release in FIVE {
        on(release, |stage| {
            let a = stage.open()?;
            for channel in [31, 32, 39, 40, 63] {
                assert_eq!(a.enable(1 << channel), Ok(0), "{release}: channel {channel}");
                assert_eq!(a.enable(1 << channel), EINVAL, "{release}: channel {channel} again");
                assert_eq!(a.wait_signal(1 << channel, 40).answer, failed(EINTR), "{release}: channel {channel}");
            }
            assert_eq!(a.wait_engines([0, 0, 0], None).answer, EINVAL, "{release}: nothing");
            assert_eq!(a.wait_engines([0, 1, 1], None).answer, EINVAL, "{release}: only other engines");
            Ok(())
        });
    }
}

#[test]
fn other_engines_count_as_disabled() {
    for release in FIVE.into_iter().filter(|&release| release >= V5_0_1) {
        on(release, |stage| {
            let a = stage.open()?;
            needed("enable channel 0", a.enable(1))?;
            let waited = a.wait_engines([1, 1, 0], None);
            assert_eq!((waited.answer, waited.channels.len()), (Ok(0), 0), "{release}");
            Ok(())
        });
    }
}

#[test]
fn what_happens_on_a_disabled_channel_is_forgotten() {
    for release in FIVE {
        on(release, |stage| {
            let running = Running::new(stage, SINK)?;
            let a = &running.a;
            needed("disable channel 0", a.disable(1))?;
            a.interrupt(0, 1, 0)?;
            pause(20);
            needed("enable channel 0", a.enable(1))?;
            assert_eq!(a.wait_signal(1, 80).answer, failed(EINTR), "{release}: an interrupt while disabled");
            running.restart(SINK)?;
            a.need_launch(&running.pages(1))?;
            pause(20);
            needed("disable channel 0", a.disable(1))?;
            needed("enable channel 0", a.enable(1))?;
            assert_eq!(a.wait_signal(1, 80).answer, failed(EINTR), "{release}: a finished transfer");
            Ok(())
        });
    }
}

#[test]
fn timestamps_of_40_channels() {
    for release in FIVE {
        on(release, |stage| {
            if stage.layout.find("VDMA_INTERRUPTS_READ_TIMESTAMPS").is_none() {
                return Ok(());
            }
            let a = stage.open()?;
            let read = |engine, channel| -> Answer { a.timestamps(engine, channel).0 };
            assert_eq!([read(0, 0), read(0, 39), read(0, 40), read(1, 0)], [Ok(0), Ok(0), EINVAL, EINVAL], "{release}");
            Ok(())
        });
    }
}
