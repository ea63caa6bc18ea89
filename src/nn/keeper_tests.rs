use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// What the serving of one loaded model comes to.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Panics,
    Distrusts,
    /// Serves until the inbox is closed.
    Serves,
}

/// A model that counts itself while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        assert_eq!(alive.fetch_add(1, Ordering::SeqCst), 0, "the old model is still there");
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

type Loads = Arc<Mutex<Vec<Result<Fate, &'static str>>>>;

/// Loads and serves as a list says, the last entry for ever.
struct Scripted {
    loads: Loads,
    alive: Arc<AtomicUsize>,
}

type Told = Arc<Mutex<Vec<Absence>>>;

/// A job that notes how it was dismissed.
struct Note(Told);

impl Job for Note {
    fn weight(&self) -> usize {
        1
    }

    fn abandoned(&self) -> bool {
        false
    }

    fn dismiss(self, why: Absence) {
        self.0.lock().unwrap().push(why);
    }
}

impl Kept for Scripted {
    type Job = Note;
    type Model = (Fate, Counted);
    type About = ();

    fn load(&self) -> Result<Self::Model, NnError> {
        let next = || {
            let mut loads = self.loads.lock().unwrap();
            if loads.len() > 1 { loads.remove(0) } else { loads[0] }
        };
        match next() {
            Ok(fate) => Ok((fate, Counted::new(&self.alive))),
            Err("slow") => {
                std::thread::sleep(Duration::from_millis(300));
                Ok((Fate::Serves, Counted::new(&self.alive)))
            }
            Err("panic") => panic!("it cannot be loaded"),
            Err(found) => {
                Err(NnError::Input { what: "the weights", expected: "whole ones".into(), found: found.into() })
            }
        }
    }

    fn about(&self, _: &Self::Model) {}

    fn serve(&self, (fate, _counted): Self::Model, inbox: &Inbox<Note>, hand: &mut Vec<Note>) -> Ended {
        while let Some(note) = inbox.next() {
            hand.push(note);
            match fate {
                Fate::Panics => panic!("byte index 3 is out of bounds of `what a person said`"),
                Fate::Distrusts => return Ended::Distrusted { reason: "it talks nonsense".into() },
                Fate::Serves => hand.clear(),
            }
        }
        Ended::Closed
    }
}

struct Set {
    keeper: Keeper<Note>,
    folder: tempfile::TempDir,
    loads: Loads,
    alive: Arc<AtomicUsize>,
    told: Told,
}

const PAUSE: Duration = Duration::from_millis(20);

fn set(loads: &[Result<Fate, &'static str>], restarts: Restarts) -> Set {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let station = Station {
        kind: "test",
        name: "scripted".into(),
        folders: vec![folder.path().to_owned()],
        max_waiting: 8,
        restarts,
    };
    let (loads, alive) = (Arc::new(Mutex::new(loads.to_vec())), Arc::default());
    let scripted = Scripted { loads: Arc::clone(&loads), alive: Arc::clone(&alive) };
    let (keeper, ()) = Keeper::start(station, scripted).unwrap();
    Set { keeper, folder, loads, alive, told: Told::default() }
}

fn quick() -> Restarts {
    Restarts { first_pause: PAUSE, longest_pause: 4 * PAUSE, settled: Duration::from_secs(60) }
}

impl Set {
    fn push(&self) -> bool {
        self.keeper.inbox().push(Note(Arc::clone(&self.told))).is_ok()
    }

    /// Waits for the model to be away or back.
    fn until(&self, wanted: impl Fn(Option<Absence>) -> bool) {
        let begun = Instant::now();
        while !wanted(self.keeper.inbox().absence()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", self.keeper.inbox().absence());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Makes the model fall with a job in hand, and waits until that one is told.
    fn fall(&self) -> Absence {
        let (before, begun) = (self.told().len(), Instant::now());
        assert!(self.push());
        while self.told().len() == before {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(1));
        }
        self.told()[before].clone()
    }

    fn told(&self) -> Vec<Absence> {
        self.told.lock().unwrap().clone()
    }
}

#[test]
fn a_model_that_falls_is_loaded_again_and_those_in_hand_are_told() {
    let fates = [(Fate::Panics, "a text was cut in a wrong place"), (Fate::Distrusts, "it talks nonsense")];
    for (fate, expected) in fates {
        let set = set(&[Ok(fate), Ok(Fate::Serves)], quick());
        assert!(set.push());
        set.until(|absence| absence.is_some());
        assert!(!set.push(), "nobody waits for what is away");
        set.until(|absence| absence.is_none());
        assert!(
            matches!(&set.told()[..], [Absence::Restarting { reason, retry_after }]
            if reason == expected && *retry_after >= PAUSE),
            "{:?}",
            set.told()
        );
        assert!(set.push());
        assert_eq!(set.alive.load(Ordering::SeqCst), 1);
        let alive = Arc::clone(&set.alive);
        drop(set);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn pauses_double_up_to_the_longest_and_a_model_that_served_well_begins_anew() {
    // Two loads fail, the second by a panic; the third succeeds: pauses of 1, 2 and 4.
    let loads = [Ok(Fate::Panics), Err("none"), Err("panic"), Ok(Fate::Panics), Ok(Fate::Serves)];
    let set = set(&loads, quick());
    let fall = |least: u32| {
        let begun = Instant::now();
        set.fall();
        set.until(|absence| absence.is_none());
        let took = begun.elapsed();
        assert!(took >= least * PAUSE, "{took:?}");
    };
    fall(1 + 2 + 4);
    // It fell again soon: the pause is not the first one.
    fall(4);

    let settled = Restarts { first_pause: PAUSE, longest_pause: 100 * PAUSE, settled: Duration::ZERO };
    let set = self::set(&[Ok(Fate::Panics)], settled);
    for _ in 0..5 {
        // The next pause would be twice as long, and so on: 16 times as long at the end.
        let told = set.fall();
        assert!(matches!(told, Absence::Restarting { retry_after, .. } if retry_after < 8 * PAUSE), "{told:?}");
        set.until(|absence| absence.is_none());
    }
}

#[test]
fn other_weights_are_refused_and_the_model_stays_down() {
    let set = set(&[Ok(Fate::Panics)], quick());
    std::fs::write(set.folder.path().join("model.safetensors"), "other").unwrap();
    set.fall();
    set.until(|absence| matches!(absence, Some(Absence::Gone { reason }) if reason.contains("folder was changed")));
    assert_eq!(set.alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_folder_that_is_away_is_waited_for() {
    let set = set(&[Ok(Fate::Panics), Ok(Fate::Serves)], quick());
    let (there, away) = (set.folder.path().to_owned(), set.folder.path().with_extension("away"));
    std::fs::rename(&there, &away).unwrap();
    set.fall();
    let gone = |absence| matches!(absence, Some(Absence::Restarting { reason, .. }) if reason.contains("No such"));
    set.until(gone);
    std::fs::rename(&away, &there).unwrap();
    set.until(|absence| absence.is_none());
}

#[test]
fn a_drop_while_it_is_away_ends_at_once() {
    let hour = Duration::from_secs(3600);
    let set = set(&[Ok(Fate::Panics)], Restarts { first_pause: hour, longest_pause: hour, settled: hour });
    set.fall();
    let begun = Instant::now();
    drop(set.keeper);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_drop_while_it_is_loaded_leaves_no_model_behind() {
    let set = set(&[Ok(Fate::Panics), Err("slow"), Ok(Fate::Serves)], quick());
    set.fall();
    while set.loads.lock().unwrap().len() > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(set.keeper);
    assert_eq!(set.alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_first_load_that_fails_or_panics_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    for found in ["none", "panic"] {
        let station = Station {
            kind: "test",
            name: "scripted".into(),
            folders: vec![folder.path().to_owned()],
            max_waiting: 8,
            restarts: quick(),
        };
        let scripted = Scripted { loads: Arc::new(Mutex::new(vec![Err(found)])), alive: Arc::default() };
        match Keeper::start(station, scripted).map(drop) {
            Err(StartError::Model(_)) => assert_eq!(found, "none"),
            Err(StartError::Thread { .. }) => assert_eq!(found, "panic"),
            Ok(()) => panic!("nothing was loaded"),
        }
    }
}
