//! Readers that meet.

use super::*;

/// Brings `late` to where `early` stands, as one who reads for both does.
fn meet(late: &mut Reader, early: &Reader, world: &World) {
    let place = Cursor::parse(&early.text).unwrap();
    let Some(way) = Cursor::parse(&late.text).unwrap().towards(&place) else { return };
    late.text = way.to_string();
    loop {
        let mut cursor = Cursor::parse(&late.text).unwrap();
        assert!(cursor.leads_to(&place), "{cursor} to {place}");
        let window = cursor.look(|| unreachable!("it is on its way"));
        let page = world.page(&window, 2);
        let behind = cursor.behind();
        late.read.extend(&page);
        match page.last() {
            Some(last) if page.len() == 2 => late.text = behind(*last),
            _ => break,
        }
    }
    late.forget();
    late.text.clone_from(&early.text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn who_has_met_reads_nothing_twice(first in prop::collection::vec(step(), 0..60),
                                       second in prop::collection::vec(step(), 0..60),
                                       third in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        let beginning = Cursor::beginning(world.generation, 0);
        let mut readers = [Reader::new(&beginning), Reader::new(&beginning)];
        play(&first, &mut world, &mut readers);
        // The one that is behind stands at an end of its own, and others go on.
        readers[0].drain(&world);
        let generation = world.generation;
        play(&second, &mut world, &mut readers[1..]);
        readers[1].drain(&world);
        let [late, early] = &mut readers;
        if world.generation != generation {
            late.step(&Step::Restore, &world);
        }
        meet(late, early, &world);
        prop_assert_eq!(&late.text, &early.text);
        let sorted = |reader: &Reader| {
            let mut read = reader.read.clone();
            read.sort_unstable();
            read
        };
        prop_assert_eq!(sorted(late), sorted(early));
        play(&third, &mut world, &mut readers);
        while !world.open.is_empty() {
            world.end(0, true);
        }
        let mut all: Vec<i64> = world.rows.iter().map(|row| row.id).collect();
        all.sort_unstable();
        for mut reader in readers {
            reader.drain(&world);
            reader.read.sort_unstable();
            prop_assert_eq!(&reader.read, &all);
        }
    }
}

#[test]
fn who_is_on_its_way_elsewhere_does_not_meet() {
    let place = |text: &str| Cursor::parse(text).unwrap();
    let (here, there) = (place("1:1:5:10:0:0:"), place("1:1:9:20:0:0:2.15"));
    let way = here.towards(&there).unwrap();
    assert!(way.leads_to(&there) && !way.leads_to(&here) && !there.leads_to(&there));
    assert_eq!(way.position(), 10);
    assert_eq!(way.towards(&there), None);
    assert_eq!(here.towards(&way), None);
    assert_eq!(here.towards(&place("2:2:9:20:0:0:")), None);
}
