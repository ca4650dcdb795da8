use super::*;

fn axis(name: &str, size: u64, role: Role) -> Axis {
    Axis { name: name.to_owned(), size, role, cadence: None, source_chunk: None, offset: 0, chosen: None }
}

fn error(texts: &[&str]) -> String {
    Reads::parse(texts).unwrap_err().to_string()
}

#[test]
fn patterns_reach_along_the_axes_they_are_about() {
    let mut axes = vec![axis("t", 1512, Role::Time), axis("lat", 621, Role::Y), axis("lon", 1405, Role::X)];
    assert_eq!(Pattern::TimeSeries.extents(&axes), [1512, 1, 1]);
    assert_eq!(Pattern::Map.extents(&axes), [1, 621, 1405]);
    assert_eq!(Pattern::Year.extents(&axes), [152, 621, 1405], "a tenth, where nobody knows the cadence");
    axes[0].cadence = Some(cf::Cadence::Months(1));
    assert_eq!(Pattern::Year.extents(&axes), [12, 621, 1405]);
    assert_eq!(Pattern::Region.extents(&axes), [1512, 63, 141]);
    let stations = [axis("station", 3200, Role::Other), axis("time", 500, Role::Time)];
    assert_eq!(Pattern::Map.extents(&stations), [3200, 1], "all stations at one time");
    let custom = Reads::parse(&["t=5,lat=all"]).unwrap();
    assert_eq!(custom.iter().next().unwrap().pattern.extents(&axes), [5, 621, 1]);
    let beyond = Reads::parse(&["t=99999"]).unwrap();
    assert_eq!(beyond.iter().next().unwrap().pattern.extents(&axes), [1512, 1, 1]);
}

#[test]
fn weights_sum_to_one_and_survive_their_document() {
    for texts in
        [vec!["timeseries"], vec!["timeseries@0.5", "map@0.5"], vec!["timeseries@0.7", "map@0.2", "lat=1,time=all@0.1"]]
    {
        let reads = Reads::parse(&texts).unwrap();
        let json = serde_json::to_string(&reads).unwrap();
        assert_eq!(json, serde_json::to_string(&texts).unwrap());
        assert_eq!(serde_json::from_str::<Reads>(&json).unwrap(), reads);
    }
    for texts in [vec!["map", "year", "region"], vec!["map@33.3%", "year@33.3%", "region@33.3%"], vec!["balanced"]] {
        let sum: u32 = Reads::parse(&texts).unwrap().iter().map(|read| read.thousandths).sum();
        assert_eq!(sum, 1000, "{texts:?}");
    }
    let both = Reads::parse(&["balanced@0.5", "map@0.5"]).unwrap();
    assert_eq!(both.iter().map(Read::weight).collect::<Vec<_>>(), [0.25, 0.75]);
    assert_eq!(Reads::parse(&["balanced"]).unwrap(), Reads::default());
}

#[test]
fn what_cannot_be_read_says_what_could() {
    assert!(error(&["series"]).contains("`series` is no kind of read"), "{}", error(&["series"]));
    assert!(error(&["series"]).ends_with("did you mean timeseries?"));
    assert!(error(&["Map"]).ends_with("did you mean map?"));
    assert!(!error(&["x"]).contains("did you mean"));
    assert_eq!(
        error(&["timeseries@0.7", "map@0.7"]),
        "the weights of the reads sum to 1.4, expected 1; the nearest that do: timeseries@0.5 map@0.5"
    );
    assert!(error(&["timeseries@0.7", "map"]).contains("some have none"));
    for weight in ["0", "-1", "NaN", "inf", "1.5", "", "150%", "many"] {
        assert!(error(&[&format!("map@{weight}")]).contains("above 0 and at most 1"), "{weight}");
    }
    assert!(error(&["time=-5"]).contains("the nearest is time=1"));
    assert!(error(&["time=0,lat=1"]).contains("the nearest is time=1"));
    assert!(error(&["time=all,lat"]).contains("the nearest is lat=all"));
    assert!(error(&[]).contains("there are 0 reads"));
    assert!(error(&["map"; 17]).contains("there are 17 reads"));
}

#[test]
fn every_reads_survive_their_document() {
    let many: Vec<String> = (0..13).map(|at| format!("d{at}=all")).collect();
    for texts in [
        many,
        vec!["map@0.999".to_owned(), "timeseries@0.001".to_owned()],
        vec!["balanced@0.333".to_owned(), "year@0.333".to_owned(), "region@0.334".to_owned()],
    ] {
        let reads = Reads::parse(&texts).unwrap();
        let json = serde_json::to_string(&reads).unwrap();
        assert_eq!(serde_json::from_str::<Reads>(&json).unwrap(), reads, "{json}");
        assert_eq!(reads.iter().map(|read| read.thousandths).sum::<u32>(), 1000);
    }
    // Half a thousandth is nothing.
    assert!(error(&["map@0.999", "balanced@0.001"]).contains("below 0.001"));
    let fifteen: Vec<String> = (0..15).map(|at| format!("d{at}=all")).chain(["balanced".to_owned()]).collect();
    assert!(Reads::parse(&fifteen).unwrap_err().to_string().contains("there are 17 reads"));
    assert!(error(&["time=all,time=1"]).contains("the nearest is time once"));
}
