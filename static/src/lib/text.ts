/** Every sentence the page says of itself, in one place. What characters and people say never stands here. */
export const text = {
  brand: "Kindred",
  notice: "The characters here are software. They are not people, and talking with them is not therapy.",
  danger: "If you are in danger, get help from a person now",
  skip: "Skip to the content",
  nav: { label: "Main", describe: "Describe yourself", bank: "Characters" },
  running: (version: string, model: string, device: string) => `Kindred ${version} · ${model} on ${device}`,

  describe: {
    title: "What is on your mind?",
    lead: "Write a few lines about what troubles you. Kindred reads them, and finds the three characters whose own story is closest to yours.",
    label: "In your own words",
    placeholder: "For example: I moved to a new city for work and, since then, I hardly talk to anyone…",
    submit: "Find someone to talk with",
    searching: "Looking through the characters…",
    empty: "Write a line or two first.",
    keys: "Ctrl + Enter works as well.",
    stays: "What you write stays on the computer that runs Kindred.",
    or: "Rather look around first?",
    browse: "See all characters",
  },

  matches: {
    title: (count: number) => (count === 1 ? "One character may understand" : `${count} characters who may understand`),
    none: "No character could be found. The bank may be empty.",
    why: "Why this one",
    told: (name: string) => `From ${name}’s story`,
    score: "Closeness",
    talk: (name: string) => `Talk with ${name}`,
    starting: "Opening the conversation…",
  },

  chat: {
    loading: "Opening the conversation…",
    with: (name: string) => `Conversation with ${name}`,
    software: "a character, not a person",
    first: (name: string) => `${name} is here. Say whatever you like, as little or as much as you like.`,
    you: "You",
    label: (name: string) => `Write to ${name}`,
    placeholder: "Write here…",
    keys: "Enter sends, Shift + Enter begins a new line.",
    send: "Send",
    sending: "Sending…",
    stop: "Stop",
    stopping: "Stopping…",
    end: "End conversation",
    endSure: "End this conversation? You can still read it, but not go on.",
    endYes: "Yes, end it",
    endNo: "Go on talking",
    ended: "This conversation has ended.",
    again: "Begin a new one",
    thinking: (name: string) => `${name} is writing`,
    memory: (name: string) => `What ${name} remembered`,
    memoryNote: (name: string) => `These lines were handed to the model with your message. “You” in them is ${name}.`,
    cutOff: "Stopped here.",
    noWords: "Stopped before the first word.",
    failed: "No reply came",
    failedHint: "Your message is kept. Send another to try again.",
    lost: "The connection is lost. Trying again…",
    restarting: "The server is restarting. The conversation goes on by itself.",
    unsent: "Your message was not sent. It stands below, unchanged.",
    tooLong: (most: number) => `At most ${most} characters fit into one message.`,
    help: "Please read this",
  },

  bank: {
    title: "The characters",
    lead: "Each is made up, with a type, a story and memories of its own.",
    search: "Search",
    searchPlaceholder: "Name, work, place, anything in their story",
    type: "Type",
    all: "All types",
    found: (total: number) => (total === 1 ? "1 character" : `${total} characters`),
    none: "No character fits this search.",
    clear: "Show all",
    more: "Show more",
    loading: "Reading the bank…",
    back: "All characters",
    page: { type: "Type", age: "Age", gender: "Gender", region: "Lives in", job: "Work" },
    story: "Story",
  },

  help: {
    title: "Help from people",
    lead: "Kindred cannot keep you safe: it is software, and nobody reads along. These services have people who can.",
    loading: "Reading the list…",
    call: (phone: string) => `Call ${phone}`,
    fallback:
      "If you or someone near you is in danger, call the emergency number of your country now: 112 in Europe and many other places, 911 in North America, 999 in the United Kingdom, 110 or 120 in China.",
  },

  missing: { title: "There is no such page", home: "Go to the start" },

  problem: {
    title: "Something went wrong",
    offline: "Kindred does not answer",
    offlineDetail: "The server may be stopped, or the connection is down. Nothing was lost; try again in a moment.",
    unreadable: "Kindred gave an answer that this page cannot read",
    retry: "Try again",
    wait: (seconds: number) => (seconds === 1 ? "Try again in a second." : `Try again in ${seconds} seconds.`),
  },

  aspects: {
    tone: "Way of speaking",
    personality: "Personality",
    advantages_and_disadvantages: "Strengths and weaknesses",
    hobby: "Hobbies",
    growth_experience: "Growing up",
    family_relationship: "Family",
    working_conditions: "Working life",
    social_relationship: "Friends and neighbours",
    emotional_state: "These days",
    living_conditions: "Home",
    recent_worry_or_anxiety: "Worry of their own",
    additional_information: "And also",
  } as Record<string, string>,
};

/** An aspect's heading; a name the list lacks is shown as it is, with spaces. */
export function aspectLabel(aspect: string): string {
  return text.aspects[aspect] ?? aspect.replaceAll("_", " ");
}
