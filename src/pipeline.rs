//! Threads for a stream: what can be done for each input without the others is done ahead, by all
//! threads; what takes one input after the other is done ahead too, by one thread at a time; and
//! what became of the inputs arrives in order.
//!
//! Whoever has nothing to do looks for work: first whether the next batch may be taken and
//! prepared, then whether one can be admitted. The caller's thread admits first, and does either
//! only when it would have to wait for what comes next. So all threads are busy whatever takes
//! longest, which depends on the text. Batches are numbered as they are taken, so outcomes arrive
//! in order without being sorted, and none is taken or admitted that is too far ahead of the
//! caller.
//!
//! A panic reaches the caller in its place, behind all that came before it, as it does with one
//! thread; nothing comes after it.
//!
//! A thread that only takes inputs for the others would be woken, and wake one of them, for every
//! batch: on two cores that took 4 to 7 % of the processor's time.

use std::any::Any;
use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::Error;

/// Bytes of text from which the first batches are full: little, as every thread waits for its first.
const FIRST_BATCH: usize = 1 << 16;

/// The same of later ones, which are large enough that passing them costs nothing, and so small
/// that what is made of them stays in the caches until the caller has it.
const BATCH: usize = 1 << 18;

/// Batches that are taken ahead of those that were admitted, for each worker.
const AHEAD: usize = 4;

/// After there were so many, none is taken until fewer than these are left. With half of them the
/// caller had them before there were more, and worked on one itself while a worker was idle again:
/// two threads took up to 8 % longer.
const FEW_AHEAD: usize = AHEAD * 3 / 4;

/// Bytes of text after which no more batches are, for each worker, unless a thread had nothing to do
/// then: a long article is a batch, whatever its length, and what is made of it takes several times
/// that. With none ahead but these bytes, articles of 10 MB took 1.3 times as long with two threads.
const AHEAD_BYTES: usize = 4 * AHEAD * BATCH;

/// Batches that are admitted ahead of the caller. With four, programs that write what is kept took
/// 0 to 5 % less time; but a long article is a batch, and takes several times its length.
const ADMITTED_AHEAD: usize = 2;

/// What comes in, and what is done with it.
pub(crate) struct Feed<I, P, A> {
    pub(crate) inputs: Box<dyn Iterator<Item = I> + Send>,
    /// The bytes of text that an input has.
    pub(crate) weigh: fn(&I) -> usize,
    pub(crate) prepare: Prepare<I, P>,
    /// In the order of the inputs, by one thread at a time.
    pub(crate) admit: Admit<P, A>,
}

type Prepare<I, P> = Arc<dyn Fn(I) -> P + Send + Sync>;
type Admit<P, A> = Box<dyn FnMut(P) -> A + Send>;

/// What becomes of the inputs, in their order.
pub(crate) enum Pipeline<I, P, A> {
    Here(Feed<I, P, A>),
    Threads(Threads<I, P, A>),
}

impl<I, P, A> std::fmt::Debug for Pipeline<I, P, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = match self {
            Self::Here(_) => 0,
            Self::Threads(threads) => threads.handles.len(),
        };
        f.debug_struct("Pipeline").field("threads", &workers).finish_non_exhaustive()
    }
}

impl<I, P, A> Pipeline<I, P, A>
where
    I: Send + 'static,
    P: Send + 'static,
    A: Send + 'static,
{
    pub(crate) fn new(feed: Feed<I, P, A>, threads: NonZero<usize>) -> Result<Self, Error> {
        if threads.get() == 1 {
            return Ok(Self::Here(feed));
        }
        Threads::start(feed, threads.get() - 1)
            .map(Self::Threads)
            .map_err(|source| Error::Thread { source })
    }
}

impl<I, P, A> Iterator for Pipeline<I, P, A> {
    type Item = A;

    fn next(&mut self) -> Option<A> {
        match self {
            Self::Here(feed) => {
                let prepared = (feed.prepare)(feed.inputs.next()?);
                Some((feed.admit)(prepared))
            }
            Self::Threads(threads) => threads.next(),
        }
    }
}

/// Items that follow each other, and the panic that came instead of more of them.
struct Batch<T> {
    items: Vec<T>,
    panic: Option<Panic>,
}

type Panic = Box<dyn Any + Send>;

impl<T> Batch<T> {
    /// What becomes of each, up to the first that panics, or the first after `stops` is set: then
    /// nobody wants them any more.
    fn map<U>(self, stops: &AtomicBool, mut become_of: impl FnMut(T) -> U) -> Batch<U> {
        let mut items = Vec::with_capacity(self.items.len());
        let wanted = self.items.into_iter().take_while(|_| !stops.load(Ordering::Relaxed));
        let done = catch_unwind(AssertUnwindSafe(|| {
            wanted.for_each(|item| items.push(become_of(item)));
        }));
        Batch { items, panic: done.err().or(self.panic) }
    }
}

/// The threads of a stream, and what they share.
pub(crate) struct Threads<I, P, A> {
    shared: Arc<Shared<I, P, A>>,
    /// What the caller has not had of a batch.
    given: std::vec::IntoIter<A>,
    /// What comes behind that.
    panic: Option<Panic>,
    handles: Vec<JoinHandle<()>>,
}

struct Shared<I, P, A> {
    /// Who holds it takes the next batch, and nothing else.
    intake: Mutex<Intake<I>>,
    prepare: Prepare<I, P>,
    /// Nobody waits for it: `State` says whose it is.
    admit: Mutex<Admit<P, A>>,
    state: Mutex<State<P, A>>,
    /// Whether nobody listens any more, for those who hold no lock.
    stops: AtomicBool,
    workers: usize,
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

struct State<P, A> {
    /// The batches that were taken and that nobody admits yet.
    ahead: VecDeque<Ahead<P>>,
    /// Bytes of text of all of them.
    ahead_bytes: usize,
    /// How many were there before.
    begun: usize,
    /// Whether a thread is admitting the last of those, or one panicked: after that nobody admits.
    is_admitting: bool,
    /// What the caller has not had.
    admitted: VecDeque<Batch<A>>,
    phase: Phase,
    caller_waits: bool,
    /// The one whose turn it is to take a batch.
    worker_waits: bool,
}

/// A batch that was taken.
struct Ahead<P> {
    bytes: usize,
    /// None while it is being prepared.
    batch: Option<Batch<P>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There may be more inputs.
    Open,
    /// All inputs were taken that are wanted: what comes after a panic is not.
    Ended,
    /// Nobody listens any more.
    Stopped,
}

impl<P, A> State<P, A> {
    /// Whether another batch may be taken, of so many for each worker.
    fn may_take(&self, most: usize, workers: usize) -> bool {
        self.phase == Phase::Open
            && self.ahead.len() < most * workers
            && (self.ahead_bytes < AHEAD_BYTES * workers || self.ahead.len() <= workers)
    }

    /// Whether the next batch is prepared, and nobody admits the one before.
    fn may_admit(&self) -> bool {
        !self.is_admitting
            && self.admitted.len() < ADMITTED_AHEAD
            && self.ahead.front().is_some_and(|next| next.batch.is_some())
            && self.phase != Phase::Stopped
    }

    /// Takes the next batch to admit, if there is one.
    fn begin_admission(&mut self) -> Option<Batch<P>> {
        if !self.may_admit() {
            return None;
        }
        self.is_admitting = true;
        self.begun += 1;
        let Ahead { bytes, batch } = self.ahead.pop_front()?;
        self.ahead_bytes -= bytes;
        batch
    }

    /// Whether nothing more comes.
    fn is_over(&self) -> bool {
        self.phase == Phase::Ended
            && self.ahead.is_empty()
            && !self.is_admitting
            && self.admitted.is_empty()
    }
}

impl<I, P, A> Threads<I, P, A>
where
    I: Send + 'static,
    P: Send + 'static,
    A: Send + 'static,
{
    fn start(feed: Feed<I, P, A>, workers: usize) -> std::io::Result<Self> {
        let Feed { inputs, weigh, prepare, admit } = feed;
        let shared = Arc::new(Shared {
            intake: Mutex::new(Intake { inputs, weigh, size: FIRST_BATCH }),
            prepare,
            admit: Mutex::new(admit),
            state: Mutex::new(State {
                ahead: VecDeque::new(),
                ahead_bytes: 0,
                begun: 0,
                is_admitting: false,
                admitted: VecDeque::new(),
                phase: Phase::Open,
                caller_waits: false,
                worker_waits: false,
            }),
            stops: AtomicBool::new(false),
            workers,
            arrived: Condvar::new(),
            room: Condvar::new(),
        });
        // If a thread cannot be started, those that were are stopped when this is dropped.
        let given = Vec::new().into_iter();
        let mut threads = Self { shared, given, panic: None, handles: Vec::new() };
        for _ in 0..workers {
            let shared = threads.shared.clone();
            let builder = std::thread::Builder::new().name("dedup-worker".to_owned());
            threads.handles.push(builder.spawn(move || shared.work_until_the_end())?);
        }
        Ok(threads)
    }
}

impl<I, P, A> Threads<I, P, A> {
    fn next(&mut self) -> Option<A> {
        loop {
            if let Some(admitted) = self.given.next() {
                return Some(admitted);
            }
            if let Some(panic) = self.panic.take() {
                self.stop();
                resume_unwind(panic);
            }
            let Some(Batch { items, panic }) = self.shared.next_batch() else {
                self.stop();
                return None;
            };
            (self.given, self.panic) = (items.into_iter(), panic);
        }
    }

    /// Ends all threads. None of them panics: what they do for an input is caught.
    fn stop(&mut self) {
        self.shared.stop();
        for handle in self.handles.drain(..) {
            let _ = handle.join();
        }
    }
}

impl<I, P, A> Drop for Threads<I, P, A> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a worker may do next.
enum Turn<'a, I, P> {
    Admit(Batch<P>),
    /// The batch that is next is to be taken.
    Take(MutexGuard<'a, Intake<I>>),
}

impl<I, P, A> Shared<I, P, A> {
    /// Nothing that may panic is done with it.
    fn state(&self) -> MutexGuard<'_, State<P, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
        self.state().phase = Phase::Stopped;
        self.room.notify_one();
        self.arrived.notify_one();
    }

    fn work_until_the_end(&self) {
        while let Some(turn) = self.next_turn() {
            match turn {
                Turn::Admit(batch) => self.admit(batch),
                Turn::Take(intake) => self.prepare_next(intake),
            }
        }
    }

    /// What a worker does next, when there is something; none at the end.
    ///
    /// To prepare comes first: then the caller, whose turn it is when nothing is ahead of it,
    /// mostly admits what it reports, and this is done for it where it would leave a worker idle.
    fn next_turn(&self) -> Option<Turn<'_, I, P>> {
        // Not by a look at the result itself, which holds it even where a panic has left its mark.
        let free = self.intake.try_lock().ok();
        let intake = if let Some(intake) = free {
            intake
        } else {
            // Who holds it may wait for room, which there is when something is admitted.
            let mut state = self.state();
            if let Some(batch) = state.begin_admission() {
                self.wake_worker(state);
                return Some(Turn::Admit(batch));
            }
            drop(state);
            self.intake.lock().ok()?
        };
        let mut state = self.state();
        let mut enough = AHEAD;
        loop {
            if state.may_take(enough, self.workers) {
                return Some(Turn::Take(intake));
            }
            if let Some(batch) = state.begin_admission() {
                return Some(Turn::Admit(batch));
            }
            if state.phase == Phase::Stopped
                || state.phase == Phase::Ended && state.ahead.is_empty()
            {
                return None;
            }
            // Not for each batch that is admitted, as to sleep and to be woken takes as long as a
            // tenth of one.
            enough = FEW_AHEAD;
            state.worker_waits = true;
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.worker_waits = false;
        }
    }

    /// Takes a batch, and prepares it after others may take theirs.
    fn prepare_next(&self, mut intake: MutexGuard<'_, Intake<I>>) {
        let Taken { batch, bytes, is_last } = intake.next_batch(&self.stops);
        let number = {
            let mut state = self.state();
            if is_last && state.phase == Phase::Open {
                state.phase = Phase::Ended;
            }
            state.ahead.push_back(Ahead { bytes, batch: None });
            state.ahead_bytes += bytes;
            state.begun + state.ahead.len() - 1
        };
        drop(intake);
        let prepared = batch.map(&self.stops, |input| (self.prepare)(input));
        let mut state = self.state();
        if prepared.panic.is_some() && state.phase == Phase::Open {
            state.phase = Phase::Ended;
        }
        let place = number - state.begun;
        state.ahead[place].batch = Some(prepared);
        if state.caller_waits && state.may_admit() {
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Admits a batch that was begun.
    fn admit(&self, batch: Batch<P>) {
        // Nobody else admits, so it is free.
        let mut admit = self.admit.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = batch.map(&self.stops, &mut *admit);
        drop(admit);
        let mut state = self.state();
        state.is_admitting = admitted.panic.is_some();
        state.admitted.push_back(admitted);
        if state.caller_waits {
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// Wakes the worker that waits, if there is enough to do for it.
    fn wake_worker(&self, state: MutexGuard<'_, State<P, A>>) {
        let is_worth_it = state.may_take(FEW_AHEAD, self.workers)
            || state.may_admit() && state.admitted.len() <= ADMITTED_AHEAD / 2;
        if state.worker_waits && is_worth_it {
            drop(state);
            self.room.notify_one();
        }
    }

    /// The next batch, for the caller, who works on others until that is there; none at the end.
    fn next_batch(&self) -> Option<Batch<A>> {
        loop {
            let mut state = self.state();
            if state.phase == Phase::Stopped {
                return None;
            }
            if let Some(batch) = state.admitted.pop_front() {
                self.wake_worker(state);
                return Some(batch);
            }
            if state.is_over() {
                return None;
            }
            if let Some(batch) = state.begin_admission() {
                self.wake_worker(state);
                self.admit(batch);
                continue;
            }
            drop(state);
            // Not held while the caller waits: who is to prepare or admit what it waits for may want it.
            let intake = self.intake.try_lock().ok().filter(|_| self.may_take());
            match intake {
                Some(intake) => self.prepare_next(intake),
                None => self.wait_for_arrival(),
            }
        }
    }

    /// Whether who holds the intake may take a batch.
    fn may_take(&self) -> bool {
        self.state().may_take(AHEAD, self.workers)
    }

    /// Waits until there is a batch for the caller, or one that nobody admits, or the end.
    fn wait_for_arrival(&self) {
        let mut state = self.state();
        state.caller_waits = true;
        while state.admitted.is_empty()
            && !state.may_admit()
            && !state.is_over()
            && state.phase != Phase::Stopped
        {
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.caller_waits = false;
    }
}

/// The inputs of a batch.
struct Taken<I> {
    batch: Batch<I>,
    /// Of their text.
    bytes: usize,
    /// Whether there are no more, or none that are wanted.
    is_last: bool,
}

impl<I> Intake<I> {
    /// Takes inputs until they fill a batch, or `stops` is set: each may be long in coming.
    fn next_batch(&mut self, stops: &AtomicBool) -> Taken<I> {
        let mut batch = Batch { items: Vec::new(), panic: None };
        let (mut bytes, mut size) = (0, 0);
        // Even one without text takes room in a batch.
        while size < self.size {
            let next = || {
                let stopped = stops.load(Ordering::Relaxed);
                if stopped { None } else { self.inputs.next() }
            };
            match catch_unwind(AssertUnwindSafe(next)) {
                Ok(Some(input)) => {
                    let len = (self.weigh)(&input);
                    (bytes, size) = (bytes + len, size + len + 64);
                    batch.items.push(input);
                }
                end => {
                    batch.panic = end.err();
                    return Taken { batch, bytes, is_last: true };
                }
            }
        }
        self.size = (self.size + self.size / 16).min(BATCH);
        Taken { batch, bytes, is_last: false }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A number, and what it weighs.
    type Input = (usize, usize);
    type Squares = Pipeline<Input, usize, usize>;

    /// Numbers, each of which weighs a batch, of which squares are made.
    fn squares(
        threads: usize,
        inputs: impl Iterator<Item = usize> + Send + 'static,
        prepare: impl Fn(usize) -> usize + Send + Sync + 'static,
        admit: impl FnMut(usize) -> usize + Send + 'static,
    ) -> Squares {
        weighed(threads, BATCH, inputs, prepare, admit)
    }

    /// The same of any weight.
    fn weighed(
        threads: usize,
        weight: usize,
        inputs: impl Iterator<Item = usize> + Send + 'static,
        prepare: impl Fn(usize) -> usize + Send + Sync + 'static,
        admit: impl FnMut(usize) -> usize + Send + 'static,
    ) -> Squares {
        let feed = Feed {
            inputs: Box::new(inputs.map(move |number| (number, weight))),
            weigh: |&(_, weight): &Input| weight,
            prepare: Arc::new(move |(number, _)| prepare(number)),
            admit: Box::new(admit),
        };
        Pipeline::new(feed, NonZero::new(threads).unwrap()).unwrap()
    }

    fn sleep(microseconds: usize) {
        std::thread::sleep(std::time::Duration::from_micros(microseconds as u64));
    }

    #[test]
    fn outcomes_arrive_in_order_whatever_takes_long() {
        for threads in [1, 2, 3, 8] {
            for count in [0, 1, 2, 300] {
                for slow in 0..4 {
                    let pause = move |stage: usize, number: usize| {
                        sleep(number * 7919 % if stage == slow { 300 } else { 30 });
                    };
                    let prepare = move |number: usize| {
                        pause(0, number);
                        number * number
                    };
                    let mut next = 0;
                    let admit = move |square: usize| {
                        pause(1, square);
                        assert_eq!(square, next * next, "it is another's turn");
                        next += 1;
                        square
                    };
                    let mut squares = squares(threads, 0..count, prepare, admit);
                    let squares_of = (0..count).map(|number| number * number);
                    assert!(squares.by_ref().inspect(|&at| pause(2, at)).eq(squares_of));
                    assert_eq!(squares.next(), None);
                }
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
            for had in squares(threads, inputs, |number| number, |number| number) {
                sleep(200);
                let ahead = taken.load(Ordering::SeqCst) - had;
                let most = AHEAD * (threads - 1) + ADMITTED_AHEAD + 1;
                assert!(ahead <= most, "{ahead} with {threads} threads");
            }
        }
    }

    #[test]
    fn a_stream_that_is_dropped_ends_its_threads() {
        for taken in 0..20 {
            let mut squares = squares(3, 0.., |number| number, |number| number);
            assert!(squares.by_ref().take(taken).eq(0..taken));
        }
    }

    #[test]
    fn a_panic_anywhere_reaches_the_caller_behind_what_came_before() {
        let panics = |number: usize| assert_ne!(number, 40, "as is wanted");
        for threads in [1, 2, 3, 8] {
            let panicked = move |number: usize| {
                panics(number);
                number
            };
            // Batches of one input, and of all.
            for weight in [BATCH, 1] {
                let in_prepare = weighed(threads, weight, 0..100, panicked, |at| at);
                let in_admit = weighed(threads, weight, 0..100, |at| at, panicked);
                let inputs = (0..100).inspect(move |at| panics(*at));
                let in_inputs = weighed(threads, weight, inputs, |at| at, |at| at);
                for mut squares in [in_prepare, in_admit, in_inputs] {
                    let mut came = Vec::new();
                    let all = AssertUnwindSafe(|| came.extend(&mut squares));
                    let panic = catch_unwind(all).expect_err("40 panics");
                    assert!(panic.downcast::<String>().is_ok_and(|why| why.contains("is wanted")));
                    assert!(came.iter().copied().eq(0..40), "{threads} threads: {came:?}");
                }
            }
        }
    }

    #[test]
    fn a_panic_ahead_of_the_caller_is_not_met_by_who_leaves() {
        for threads in [2, 8] {
            let prepare = |number: usize| {
                assert_ne!(number, 2, "as is wanted");
                number
            };
            let mut squares = squares(threads, 0..100, prepare, |number| number);
            assert_eq!(squares.next(), Some(0));
            sleep(5000);
            drop(squares);
        }
    }

    #[test]
    fn who_leaves_waits_for_one_input_at_most() {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let inputs = (0..).inspect(move |_| {
            sleep(3000);
            count.fetch_add(1, Ordering::SeqCst);
        });
        let squares = weighed(3, 1, inputs, |number| number, |number| number);
        sleep(5000);
        drop(squares);
        // The first batch of these has a thousand.
        assert!(taken.load(Ordering::SeqCst) < 400);
    }

    #[test]
    fn few_long_inputs_are_taken_ahead() {
        for threads in [2, 4] {
            let most = AHEAD_BYTES * (threads - 1);
            for weight in [most / 3 + 1, most, 10 * most] {
                let taken = Arc::new(AtomicUsize::new(0));
                let count = taken.clone();
                let inputs = (0..60).inspect(move |_| {
                    count.fetch_add(1, Ordering::SeqCst);
                });
                for had in weighed(threads, weight, inputs, |number| number, |number| number) {
                    sleep(300);
                    let ahead = taken.load(Ordering::SeqCst) - had;
                    let most = most.div_ceil(weight).max(threads) + ADMITTED_AHEAD + 1;
                    assert!(ahead <= most, "{ahead} of {weight} bytes with {threads} threads");
                }
            }
        }
    }
}
