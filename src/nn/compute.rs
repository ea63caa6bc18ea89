//! The compute permit of a CPU: threads that own models take turns, so that two OpenMP teams never fight over the same
//! cores.

use std::sync::{Condvar, Mutex, PoisonError};

/// One permit for the process, since its cores are one. First come, first served: a std mutex would let a thread that
/// takes and returns it in a loop starve the others.
static PERMIT: Permit = Permit::new();

/// The right to compute, returned on drop. Hold it for one step, not for one job.
#[must_use]
#[derive(Debug)]
pub struct Turn(Option<&'static Permit>);

/// Waits for the right to compute on this device. Only a CPU is shared by turns; a GPU orders its own work.
pub fn turn(device: tch::Device) -> Turn {
    Turn((device == tch::Device::Cpu).then(|| PERMIT.take()))
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(permit) = self.0 {
            permit.give_back();
        }
    }
}

#[derive(Debug)]
struct Permit {
    tickets: Mutex<Tickets>,
    served: Condvar,
}

#[derive(Debug)]
struct Tickets {
    next: u64,
    serving: u64,
}

impl Permit {
    const fn new() -> Self {
        Self { tickets: Mutex::new(Tickets { next: 0, serving: 0 }), served: Condvar::new() }
    }

    fn take(&self) -> &Self {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = tickets.next;
        tickets.next += 1;
        while tickets.serving != mine {
            tickets = self.served.wait(tickets).unwrap_or_else(PoisonError::into_inner);
        }
        self
    }

    fn give_back(&self) {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner).serving += 1;
        self.served.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_at_a_time_and_none_starves() {
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _turn = turn(tch::Device::Cpu);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn a_thread_that_takes_it_again_and_again_lets_others_in() {
        static LOCAL: Permit = Permit::new();
        let stop = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while stop.load(Ordering::SeqCst) == 0 {
                    LOCAL.take();
                    std::thread::sleep(Duration::from_millis(1));
                    LOCAL.give_back();
                }
            });
            for _ in 0..20 {
                LOCAL.take();
                LOCAL.give_back();
            }
            stop.store(1, Ordering::SeqCst);
        });
    }

    #[test]
    fn a_panic_returns_the_permit() {
        let panicked = std::thread::spawn(|| {
            let _turn = turn(tch::Device::Cpu);
            panic!("in a step");
        })
        .join();
        assert!(panicked.is_err());
        drop(turn(tch::Device::Cpu));
    }

    #[test]
    fn a_gpu_needs_no_turn() {
        let _cpu = turn(tch::Device::Cpu);
        let _gpu = turn(tch::Device::Cuda(0));
    }
}
