/** Every sentence the page says of itself, in one place. What characters and people say never stands here. */
export const text = {
  brand: "Kindred",
  notice: "The characters here are software. They are not people, and talking with them is not therapy.",
  danger: "In danger? Get help from a person now",
  skip: "Skip to the content",
  nav: { label: "Main", describe: "Describe yourself", bank: "Characters", conversations: "Your conversations" },
  navShort: { describe: "Describe", conversations: "Conversations" },
  running: (version: string, model: string, device: string) => `Kindred ${version} · ${model} on ${device}`,

  describe: {
    title: "What is on your mind?",
    lead: "Write a few lines about what troubles you. Kindred reads them, and finds the three characters whose own story is closest to yours.",
    label: "In your own words",
    placeholder: "For example: I moved to a new city for work and, since then, I hardly talk to anyone…",
    submit: "Find someone to talk with",
    searching: "Looking through the characters…",
    empty: "Write a line or two first.",
    tooLong: ({ length, most }: { length: number; most: number }) => `At most ${most} characters, please. (${length})`,
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
    score: { similarity: "Closeness, −1 to 1", rating: "Expected help, 1 to 5" },
    statement: "Way of supporting",
    heard: "Whoever you choose reads first what you wrote.",
    talk: (name: string) => `Talk with ${name}`,
    starting: "Opening the conversation…",
  },

  chat: {
    loading: "Opening the conversation…",
    with: (name: string) => `Conversation with ${name}`,
    software: "a character, not a person",
    gone: "A character no longer in the bank",
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
    endShort: "End",
    endSure: "End this conversation? You can still read it, but not go on.",
    endYes: "Yes, end it",
    endNo: "Go on talking",
    ended: "This conversation has ended.",
    again: "Begin a new one",
    thinking: (name: string) => `${name} is writing`,
    memory: (name: string) => `What ${name} remembered`,
    memoryNote: (name: string) => `These lines were handed to the model with your message. “You” in them is ${name}.`,
    cutOff: "Stopped here.",
    noWords: "No words came.",
    queued: (ahead: number, waitMs: number | null) => {
      const people =
        ahead === 0 ? "You are next" : ahead === 1 ? "One person is before you" : `${ahead} people are before you`;
      return waitMs === null ? `${people}.` : `${people}, about ${spell(waitMs / 1000)}.`;
    },
    failed: "Could not be answered",
    unanswered: "Not answered yet",
    failedHint: "Your message is kept. Send another to try again.",
    failedAgain: "Your message is kept.",
    tryAgain: "Try again",
    answerBefore: "Show the answer before",
    sayDifferently: "Say it differently",
    edit: "Edit",
    editLabel: "Change what you said",
    editHint: "What you said before is kept as another version.",
    editSend: "Send changed",
    editCancel: "Leave it",
    delete: "Delete this conversation",
    deleteShort: "Delete",
    deleteSure: "Delete this conversation for good?",
    deleteYes: "Yes, delete it",
    deleteNo: "Keep it",
    deleted: "This conversation was deleted.",
    unreadable: "This browser may not read it, or it was deleted.",
    unknown:
      "The server does not know this browser now. If it runs with other data than before, the conversation goes on once that is put right.",
    unsentWords: "What you wrote here and did not send:",
    all: "Your conversations",
    lost: "The connection is lost. Trying again…",
    restarting: "The server is stopping or restarting. The conversation goes on when it is back.",
    unsent: "Not sent. Your message stands below, unchanged.",
    unasked: "No other reply could be asked for.",
    undone: "That did not work.",
    tooLong: ({ length, most }: { length: number; most: number }) =>
      `At most ${most} characters fit into one message. (${length})`,
    help: "Please read this",
  },

  versions: {
    label: "Versions",
    at: (number: number, count: number) => `Version ${number} of ${count}`,
    earlier: "Show the version before",
    later: "Show the next version",
  },

  /** Why something is not sent yet, by the server's code. */
  wait: {
    lost: (seconds: number) => `No answer came. Trying again in ${spell(seconds)}.`,
    later: (seconds: number) => `The server cannot be reached just now. ${byItself(seconds)}`,
    busy: (seconds: number) => `Many people are talking right now. ${byItself(seconds)}`,
    "too-many-requests": (seconds: number) =>
      `That was much at once, or replies to you are still on their way. ${byItself(seconds)}`,
    starting: (seconds: number) => `The server is starting. ${byItself(seconds)}`,
    draining: (seconds: number) => `The server is stopping or restarting. ${byItself(seconds)}`,
    interrupted: (seconds: number) => `The conversation was interrupted and is set up again. ${byItself(seconds)}`,
    "model-restarting": (seconds: number) => `The model is starting again after a failure. ${byItself(seconds)}`,
    ahead: (people: number, seconds: number) =>
      `${people === 1 ? "One person is" : `${people} people are`} before you. ${byItself(seconds)}`,
    now: "Trying now…",
    cancel: "Do not send",
  },

  conversations: {
    title: "Your conversations",
    lead: "Everything this browser has talked about here. Nobody who uses another browser sees it.",
    loading: "Reading your conversations…",
    none: "There is no conversation yet.",
    begin: "Begin one",
    unknown:
      "The server does not know this browser. So it is before the first conversation, and after everything was deleted. If it runs with other data than before, your conversations are where they were: begin nothing until that is put right, as it makes a new cookie, which does not lead to them.",
    more: "Show more",
    turns: (count: number) => (count === 1 ? "1 turn" : `${count} turns`),
    open: "open",
    ended: "ended",
    delete: "Delete",
    deleteOne: (name: string, when: string) => `Delete the conversation with ${name} of ${when}`,
    deleted: "The conversation is deleted.",
    notThere: "That conversation is not here any more.",
  },

  yours: {
    title: "What is kept of you",
    lead: "Kindred keeps what you and the characters said, and a cookie that tells it which conversations are yours. It does not know your name.",
    download: "Download everything",
    delete: "Delete everything",
    sure: "Delete all your conversations for good? The cookie goes too.",
    yes: "Yes, delete everything",
    no: "Keep it",
    erased:
      "Deleted means erased from this server’s database. Copies that somebody made before, such as a download or a backup, are not reached.",
    kept: "Nothing was deleted.",
    gone: "Everything is deleted",
    goneLead: "Your conversations are erased from this server’s database, and it no longer knows this browser.",
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

  /** What leads on where this browser is not known. */
  anew: "Begin anew",

  missing: { title: "There is no such page", home: "Go to the start" },

  problem: {
    title: "Something went wrong",
    offline: "Kindred does not answer",
    offlineDetail: "The server may be stopped, or the connection is down. Nothing was lost; try again in a moment.",
    unreadable: "Kindred gave an answer that this page cannot read",
    retry: "Try again",
    wait: (seconds: number) => `Try again in ${spell(seconds)}.`,
  },

  /** Failures by the server's code, where its own words are not for whoever sits before the page. */
  codes: {
    "no-visitor": {
      title: "This server does not know this browser now",
      detail:
        "It may run with other data than before, what it had of you may be deleted, or the cookie is gone. Nothing was changed just now. Beginning anew makes a new cookie, which does not lead to what was before.",
    },
    busy: { title: "Many people are talking right now", detail: "Nothing more can be taken at the moment." },
    "too-many-requests": {
      title: "That was much at once",
      detail: "Or replies to you are still on their way. Wait a little.",
    },
    starting: { title: "The server is starting", detail: "The models are being loaded. This takes a moment." },
    draining: { title: "The server is stopping or restarting", detail: "It takes messages again when it is back." },
    interrupted: {
      title: "The server was interrupted",
      detail: "It goes on from what is kept. Try again in a moment.",
    },
    "model-restarting": { title: "The model is starting again after a failure", detail: "What was said is kept." },
    "read-only": {
      title: "The server cannot keep anything new now",
      detail: "Its disk cannot be written. What was said before can be read.",
    },
    "disk-full": {
      title: "The server’s disk is full",
      detail: "Nothing new can be kept until whoever runs it makes room. What was said before can be read.",
    },
    "too-many-sessions": {
      title: "You have as many conversations as one may have",
      detail: "Delete one of them, and begin then.",
    },
    "session-full": {
      title: "This conversation is full",
      detail: "No more fits into it. It can still be read; a new one has room.",
    },
  } as Record<string, { title: string; detail: string } | undefined>,

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

function byItself(seconds: number): string {
  return `This is sent by itself in ${spell(seconds)}.`;
}

/** How long, as said. */
function spell(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 100) return whole === 1 ? "a second" : `${whole} seconds`;
  const minutes = Math.round(whole / 60);
  return `${minutes} minutes`;
}

/** A moment, as read. */
export function moment(ms: number): string {
  return new Date(ms).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
