//! Threads for a stream: what can be done for each input without the others is done ahead, and arrives in order.
//!
//! Whoever has nothing to do takes the next batch of inputs, one at a time, and works on it; the caller's thread too, when it would
//! have to wait for the batch that is its next. So all threads are busy whether that work or the caller's takes longer, which
//! depends on the text. Batches are numbered as they are taken, so outcomes arrive in order without being sorted, and
//! no batch is taken that is too far ahead of the caller.
//!
//! A thread that only takes inputs for the others would be woken, and wake one of them, for every batch: on two cores that
//! took 4 to 7 % of the processor's time.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::Error;

/// Bytes of text from which the first batches are full: little, as every thread waits for its first.
const FIRST_BATCH: usize = 1 << 16;

/// The same of later ones, which are large enough that passing them costs nothing, and so small that what is made of them stays in
/// the caches until the caller has it.
const BATCH: usize = 1 << 18;

/// Batches that are taken ahead of the caller, for each worker.
const AHEAD: usize = 4;

/// What comes in, and what is done with it.
pub(crate) struct Feed<I, O> {
    pub(crate) inputs: Box<dyn Iterator<Item = I> + Send>,
    /// The bytes of text that an input has.
    pub(crate) weigh: fn(&I) -> usize,
    pub(crate) work: Work<I, O>,
}

type Work<I, O> = Arc<dyn Fn(I) -> O + Send + Sync>;

/// What becomes of the inputs, in their order.
pub(crate) enum Pipeline<I, O> {
    Here(Feed<I, O>),
    Threads(Threads<I, O>),
}

impl<I, O> std::fmt::Debug for Pipeline<I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = match self {
            Self::Here(_) => 0,
            Self::Threads(threads) => threads.handles.len(),
        };
        f.debug_struct("Pipeline").field("threads", &workers).finish_non_exhaustive()
    }
}

impl<I: Send + 'static, O: Send + 'static> Pipeline<I, O> {
    pub(crate) fn new(feed: Feed<I, O>, threads: NonZero<usize>) -> Result<Self, Error> {
        if threads.get() == 1 {
            return Ok(Self::Here(feed));
        }
        Threads::start(feed, threads.get() - 1)
            .map(Self::Threads)
            .map_err(|source| Error::Thread { source })
    }
}

impl<I, O> Iterator for Pipeline<I, O> {
    type Item = O;

    fn next(&mut self) -> Option<O> {
        match self {
            Self::Here(feed) => feed.inputs.next().map(|input| (feed.work)(input)),
            Self::Threads(threads) => threads.next(),
        }
    }
}

/// The threads of a stream, and what they share.
pub(crate) struct Threads<I, O> {
    shared: Arc<Shared<I, O>>,
    batch: std::vec::IntoIter<O>,
    handles: Vec<JoinHandle<()>>,
}

struct Shared<I, O> {
    /// Who holds it takes the next batch, and nothing else.
    intake: Mutex<Intake<I>>,
    work: Work<I, O>,
    state: Mutex<State<O>>,
    /// How far ahead of the caller batches are taken.
    most_ahead: usize,
    /// After that was reached, none is until fewer than these are left. With half of `most_ahead` the caller had them before there
    /// were more, and worked on one itself while a worker was idle again: two threads took up to 8 % longer.
    few: usize,
    /// The batch that the caller waits for is there.
    arrived: Condvar,
    /// The workers may go on.
    room: Condvar,
}

struct Intake<I> {
    inputs: Box<dyn Iterator<Item = I> + Send>,
    weigh: fn(&I) -> usize,
    /// Bytes of the next batch.
    size: usize,
}

struct State<O> {
    /// What became of the batches that were taken and that the caller has not had; none of those that are at work.
    outcomes: VecDeque<Option<Vec<O>>>,
    /// How many batches the caller had.
    had: usize,
    phase: Phase,
    caller_waits: bool,
    /// The one whose turn it is to take a batch.
    worker_waits: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There may be more inputs.
    Open,
    /// All inputs were taken.
    Ended,
    /// Nobody listens any more, or a thread panicked.
    Stopped,
}

impl<O> State<O> {
    /// Whether it is known what the caller gets next, if anything.
    fn is_known(&self) -> bool {
        match self.phase {
            Phase::Stopped => true,
            Phase::Ended if self.outcomes.is_empty() => true,
            _ => matches!(self.outcomes.front(), Some(Some(_))),
        }
    }
}

impl<I: Send + 'static, O: Send + 'static> Threads<I, O> {
    fn start(feed: Feed<I, O>, workers: usize) -> std::io::Result<Self> {
        let Feed { inputs, weigh, work } = feed;
        let most_ahead = AHEAD * workers;
        let shared = Arc::new(Shared {
            intake: Mutex::new(Intake { inputs, weigh, size: FIRST_BATCH }),
            work,
            state: Mutex::new(State {
                outcomes: VecDeque::new(),
                had: 0,
                phase: Phase::Open,
                caller_waits: false,
                worker_waits: false,
            }),
            most_ahead,
            few: most_ahead * 3 / 4,
            arrived: Condvar::new(),
            room: Condvar::new(),
        });
        // If a thread cannot be started, those that were are stopped when this is dropped.
        let mut threads = Self { shared, batch: Vec::new().into_iter(), handles: Vec::new() };
        for _ in 0..workers {
            let shared = threads.shared.clone();
            let builder = std::thread::Builder::new().name("dedup-prepare".to_owned());
            threads.handles.push(builder.spawn(move || shared.work_until_the_end())?);
        }
        Ok(threads)
    }
}

impl<I, O> Threads<I, O> {
    fn next(&mut self) -> Option<O> {
        loop {
            if let Some(outcome) = self.batch.next() {
                return Some(outcome);
            }
            if let Some(batch) = self.shared.next_batch() {
                self.batch = batch.into_iter();
            } else {
                self.stop(); // it is the end, or a worker panicked, and `stop` passes that on
                return None;
            }
        }
    }

    /// Ends all threads, and passes on the panic of one that had any.
    fn stop(&mut self) {
        self.shared.stop();
        for handle in self.handles.drain(..) {
            if let Err(panic) = handle.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<I, O> Drop for Threads<I, O> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<I, O> Shared<I, O> {
    /// Nothing that may panic is done with it.
    fn state(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.state().phase = Phase::Stopped;
        self.room.notify_one();
        self.arrived.notify_one();
    }

    fn work_until_the_end(&self) {
        while let Some(intake) = self.wait_for_room() {
            self.work_on_next(intake);
        }
    }

    /// The turn to take a batch, when that is not too far ahead of the caller; none at the end.
    fn wait_for_room(&self) -> Option<MutexGuard<'_, Intake<I>>> {
        let intake = self.intake.lock().ok()?;
        let mut state = self.state();
        let mut enough = self.most_ahead;
        while state.phase == Phase::Open && state.outcomes.len() >= enough {
            // Not for each batch that the caller takes, as to sleep and to be woken takes as long as a tenth of one.
            enough = self.few;
            state.worker_waits = true;
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.worker_waits = false;
        }
        (state.phase == Phase::Open).then_some(intake)
    }

    /// Takes a batch, and works on it after others may take theirs.
    fn work_on_next(&self, mut intake: MutexGuard<'_, Intake<I>>) {
        let stops = StopOnPanic(self);
        let (inputs, ended) = intake.next_batch();
        let number = {
            let mut state = self.state();
            if ended && state.phase == Phase::Open {
                state.phase = Phase::Ended;
            }
            state.outcomes.push_back(None);
            state.had + state.outcomes.len() - 1
        };
        drop(intake);
        let outcomes = inputs.into_iter().map(|input| (self.work)(input)).collect();
        let mut state = self.state();
        let place = number - state.had;
        state.outcomes[place] = Some(outcomes);
        let wakes = place == 0 && state.caller_waits;
        drop(state);
        if wakes {
            self.arrived.notify_one();
        }
        std::mem::forget(stops);
    }

    /// What became of the next batch, for the caller, who works on others until that is there; none at the end.
    fn next_batch(&self) -> Option<Vec<O>> {
        loop {
            let mut state = self.state();
            if state.phase == Phase::Stopped {
                return None;
            }
            match state.outcomes.front_mut().map(Option::take) {
                Some(Some(batch)) => {
                    state.outcomes.pop_front();
                    state.had += 1;
                    let wakes = state.worker_waits && state.outcomes.len() < self.few;
                    drop(state);
                    if wakes {
                        self.room.notify_one();
                    }
                    return Some(batch);
                }
                None if state.phase == Phase::Ended => return None,
                _ => {}
            }
            drop(state);
            match self.intake.try_lock() {
                Ok(intake) if self.may_go_on() => self.work_on_next(intake),
                _ => self.wait_for_arrival(),
            }
        }
    }

    /// Whether who holds the intake may take a batch.
    fn may_go_on(&self) -> bool {
        let state = self.state();
        state.phase == Phase::Open && state.outcomes.len() < self.most_ahead
    }

    fn wait_for_arrival(&self) {
        let mut state = self.state();
        state.caller_waits = true;
        while !state.is_known() {
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.caller_waits = false;
    }
}

impl<I> Intake<I> {
    /// Inputs, and whether they are the last.
    fn next_batch(&mut self) -> (Vec<I>, bool) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < self.size {
            let Some(input) = self.inputs.next() else { return (batch, true) };
            // Even one without text takes room in a batch.
            bytes += (self.weigh)(&input) + 64;
            batch.push(input);
        }
        self.size = (self.size + self.size / 16).min(BATCH);
        (batch, false)
    }
}

/// Stops the others if a thread panics, who would wait for what it worked on.
struct StopOnPanic<'a, I, O>(&'a Shared<I, O>);

impl<I, O> Drop for StopOnPanic<'_, I, O> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Numbers, each of which weighs a batch, whose squares are made.
    fn squares(
        threads: usize,
        inputs: impl Iterator<Item = usize> + Send + 'static,
        work: impl Fn(usize) -> usize + Send + Sync + 'static,
    ) -> Pipeline<usize, usize> {
        let feed =
            Feed { inputs: Box::new(inputs), weigh: |_: &usize| BATCH, work: Arc::new(work) };
        Pipeline::new(feed, NonZero::new(threads).unwrap()).unwrap()
    }

    #[test]
    fn outcomes_arrive_in_order_however_long_each_takes() {
        for threads in [1, 2, 3, 8] {
            for count in [0, 1, 2, 300] {
                let work = |number: usize| {
                    let microseconds = number * 7919 % 300;
                    std::thread::sleep(std::time::Duration::from_micros(microseconds as u64));
                    number * number
                };
                let mut squares = squares(threads, 0..count, work);
                assert!(squares.by_ref().eq((0..count).map(|number| number * number)));
                assert_eq!(squares.next(), None);
            }
        }
    }

    #[test]
    fn no_batch_is_taken_too_far_ahead() {
        for threads in [2, 4] {
            let taken = Arc::new(AtomicUsize::new(0));
            let count = taken.clone();
            let inputs = (0..200).inspect(move |_| {
                count.fetch_add(1, Ordering::SeqCst);
            });
            for had in squares(threads, inputs, |number| number) {
                std::thread::sleep(std::time::Duration::from_micros(200));
                let ahead = taken.load(Ordering::SeqCst) - had;
                assert!(ahead <= AHEAD * (threads - 1) + 1, "{ahead} with {threads} threads");
            }
        }
    }

    #[test]
    fn a_stream_that_is_dropped_ends_its_threads() {
        for taken in 0..20 {
            let mut squares = squares(3, 0.., |number| number);
            assert!(squares.by_ref().take(taken).eq(0..taken));
        }
    }

    #[test]
    fn a_panic_anywhere_reaches_the_caller() {
        let panics = |number: usize| assert_ne!(number, 40, "as is wanted");
        for threads in [1, 2, 3] {
            let in_work = squares(threads, 0..100, move |number| {
                panics(number);
                number
            });
            let in_inputs = squares(threads, (0..100).inspect(move |at| panics(*at)), |at| at);
            for squares in [in_work, in_inputs] {
                let mut squares = AssertUnwindSafe(squares);
                let got = catch_unwind(move || squares.by_ref().count());
                assert!(got.is_err(), "{threads} threads: {got:?}");
            }
        }
    }
}
