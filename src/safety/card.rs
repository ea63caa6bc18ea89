//! The fixed help card: a few warm lines and the helplines of one versioned table.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::rules::{Language, Risk};

/// A number to call, as the table gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helpline {
    /// Country or countries.
    pub region: String,
    /// Who answers.
    pub name: String,
    /// What to dial, or an address.
    pub number: String,
    /// Cost and hours, where known; may be empty.
    pub note: String,
    /// Whom it is for.
    pub serves: Serves,
}

/// Whom a helpline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Serves {
    /// Anybody in distress.
    Distress,
    /// People who are being harmed.
    Abuse,
}

#[derive(Deserialize)]
struct Table {
    version: String,
    checked: String,
    lines: Vec<Helpline>,
    directory: Helpline,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the binary and a test reads it")]
    serde_json::from_str(include_str!("helplines.json")).expect("helplines.json is not a helpline table")
});

/// Version of the helpline table, and when and how its numbers were checked.
pub fn helplines_checked() -> (&'static str, &'static str) {
    (&TABLE.version, &TABLE.checked)
}

/// What is shown instead of a model's reply. Displayed, it is plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HelpCard {
    /// The language of the words.
    pub language: Language,
    /// One or two sentences to the person.
    pub opening: &'static str,
    /// What to do if there is danger now.
    pub emergency: &'static str,
    /// Introduces the numbers.
    pub lead: &'static str,
    /// Numbers to call, those for this risk first.
    pub helplines: Vec<&'static Helpline>,
    /// The last words.
    pub closing: &'static str,
}

/// The card for this risk in this language. It depends on nothing else, so that it never fails.
pub fn help_card(risk: Risk, language: Language) -> HelpCard {
    let words = match language {
        Language::English => english(risk),
        Language::Chinese => chinese(risk),
    };
    let table = &*TABLE;
    let of = |serves| table.lines.iter().filter(move |line| line.serves == serves);
    let mut helplines: Vec<&Helpline> = Vec::new();
    if risk == Risk::BeingHarmed {
        helplines.extend(of(Serves::Abuse));
    }
    helplines.extend(of(Serves::Distress));
    if language == Language::Chinese {
        // A stable sort: within "China first" and "others" the table's order stays.
        helplines.sort_by_key(|line| line.region != "China");
    }
    helplines.push(&table.directory);
    HelpCard {
        language,
        opening: words.opening,
        emergency: words.emergency,
        lead: words.lead,
        helplines,
        closing: words.closing,
    }
}

struct Words {
    opening: &'static str,
    emergency: &'static str,
    lead: &'static str,
    closing: &'static str,
}

fn english(risk: Risk) -> Words {
    let opening = match risk {
        Risk::Ideation => {
            "I am glad you said this. It sounds like you are in a lot of pain, and you should not have to carry it alone. \
             I am software; please let a person be with you in this."
        }
        Risk::Intent => {
            "I am glad you told me, and I want you to be safe. I am software and cannot come to you. Please call someone \
             who can, right now, and stay near another person. If there is something close by that you could hurt \
             yourself with, move away from it."
        }
        Risk::SelfInjury => {
            "Thank you for trusting me with this. Hurting yourself is often a way to get through something unbearable, and \
             there are people who understand that and will not judge you. If you are wounded, please have it seen to."
        }
        Risk::HarmToOthers => {
            "Thank you for saying this instead of acting on it. Please put distance between yourself and the other \
             person for now, and talk to somebody who can help you through these hours. I am software and cannot."
        }
        Risk::BeingHarmed => {
            "I am sorry this is happening to you. It is not your fault, and you deserve to be safe. I am software; the \
             people below can listen, believe you, and help you plan, at your pace."
        }
        Risk::SomeoneElse => {
            "It is good that you are looking out for them. Take it seriously: ask them plainly whether they are thinking of \
             killing themselves, stay with them or in touch, and call together. Asking does not put the idea there."
        }
    };
    Words {
        opening,
        emergency: "If anyone is in danger now, call your emergency number: 112 in Europe and many other countries, 911 in \
                    the USA and Canada, 999 in the UK, 000 in Australia, 111 in New Zealand, 110 or 120 in China.",
        lead: "People who listen:",
        closing: "I will be here to talk afterwards, if you like.",
    }
}

fn chinese(risk: Risk) -> Words {
    let opening = match risk {
        Risk::Ideation => {
            "谢谢你愿意说出来。听起来你正承受着很大的痛苦，这不该由你一个人扛。我只是一个软件，请让一个真实的人来陪你。"
        }
        Risk::Intent => {
            "谢谢你告诉我，我很希望你平安。我只是一个软件，没办法来到你身边。请现在就联系能来的人，待在别人身边；如果手边有可能伤害自己的东西，请先离它远一点。"
        }
        Risk::SelfInjury => {
            "谢谢你信任我。伤害自己，往往是因为有些感受实在难以承受。有人懂得这一点，也不会评判你。如果身上有伤口，请先去处理。"
        }
        Risk::HarmToOthers => {
            "谢谢你先说了出来，而没有去做。请先和对方拉开距离，找一个人陪你度过这段时间。我只是一个软件，做不到这些。"
        }
        Risk::BeingHarmed => {
            "发生这样的事，我很难过。这不是你的错，你应当是安全的。我只是一个软件；下面的人会听你说、相信你，并按你的节奏帮你想办法。"
        }
        Risk::SomeoneElse => {
            "你这样关心对方，很重要。请认真对待：直接问对方是不是想结束生命，陪在身边或保持联系，一起打电话求助。问出口并不会让人产生这个念头。"
        }
    };
    Words {
        opening,
        emergency: "如果现在有人处在危险中，请马上拨打紧急电话：中国大陆 110 或 120，欧洲及许多国家 112，美国和加拿大 911，英国 999，澳大利亚 000。",
        lead: "愿意倾听的人：",
        closing: "之后如果你想聊聊，我还在这里。",
    }
}

impl fmt::Display for HelpCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\n{}\n\n{}\n", self.opening, self.emergency, self.lead)?;
        for line in &self.helplines {
            write!(f, "- {}: {}", line.region, line.name)?;
            if line.number != line.name {
                write!(f, " {}", line.number)?;
            }
            if !line.note.is_empty() {
                write!(f, " ({})", line.note)?;
            }
            f.write_str("\n")?;
        }
        write!(f, "\n{}", self.closing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_has_words_emergency_numbers_and_a_directory() {
        for risk in Risk::ALL {
            for language in [Language::English, Language::Chinese] {
                let text = help_card(risk, language).to_string();
                assert!(text.contains("112") && text.contains("988") && text.contains("findahelpline.com"), "{text}");
                assert!(text.chars().count() < 2200, "a card must stay short: {}", text.chars().count());
            }
        }
        let abuse = help_card(Risk::BeingHarmed, Language::English);
        assert_eq!(abuse.helplines[0].serves, Serves::Abuse);
        assert_eq!(help_card(Risk::Ideation, Language::Chinese).helplines[0].number, "12356");
    }

    #[test]
    fn the_table_says_how_it_was_checked() {
        let (version, checked) = helplines_checked();
        assert!(checked.starts_with(version) && checked.contains("must verify"));
        assert!(TABLE.lines.iter().all(|line| !line.region.is_empty() && !line.number.is_empty()));
    }
}
