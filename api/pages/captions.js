// The captions page. Without a demo room it is a notice; with one, people join it, read along and may speak.
//
//   Captions   what has been said: one open line a speaker, replaced in place until its final comes
//   Microphone one track, offered to each session that asks for it; there is no media server
//   Line       one websocket to the signaling server, with replies matched to requests
//   Visit      one person's stay in the room: join, resume, join afresh, leave
//
// Whatever comes from others enters the document as textContent only.

const MAX_LINES = 500;
const MAX_PEOPLE = 1000;
const MAX_PEERS = 32;
const MAX_EARLY_CANDIDATES = 64;
const VOICES = 8;
const SIZES = 6;
const IN_CALL = 1;
const WITH_AUDIO = 2;
const REPLY_TIMEOUT_MS = 10_000;
const RESUME_WINDOW_MS = 30_000;  // how long the server keeps a session whose socket is gone
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 8_000;
const MODEL_POLL_MS = 2_000;
const MODEL_IS_COMING = ["loading", "restarting"];

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

const at = (id) => document.getElementById(id);

/** The server understood, and said no. `status`: how its model is, where that is the reason. */
class Refused extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** The server cannot be reached, or does not answer. Trying again may help. */
class Unreachable extends Error {}

/** A bounded map: the oldest entry makes room. */
function remember(map, key, value, bound) {
  if (!map.has(key) && map.size >= bound) map.delete(map.keys().next().value);
  map.set(key, value);
  return value;
}

// ── Captions ────────────────────────────────────────────────────────────────────────────────────────────────────

class Captions {
  constructor() {
    this.list = at("captions");
    this.scroller = at("scroller");
    this.following = true;
    this.open = new Map();  // speaker → its line that is not final yet; ⊆ the list
    this.people = new Map();  // session → {name, voice, here}; ≤ MAX_PEOPLE
    this.voices = 0;  // colours given out
    this.dropped = false;  // some lines are gone from the top
    this.top = 0;
    this.scroller.addEventListener("scroll", () => this.scrolled());
    at("jump-live").addEventListener("click", () => {
      this.follow(true);
      this.scroller.focus({ preventScroll: true });
    });
    // Text, text size and window all change heights; whichever it was, a reader at the end stays at the end.
    const resized = new ResizeObserver(() => this.following && this.toEnd());
    resized.observe(this.scroller);
    resized.observe(this.list);
  }

  /** A session by name. Someone who comes back under the same name keeps the colour. */
  joined(session, name) {
    const known = this.people.get(session);
    const before = known ?? (name && [...this.people.values()].find((person) => !person.here && person.name === name));
    const voice = before ? before.voice : this.voices++ % VOICES;
    if (before && !known) before.name = "";  // its colour is taken over only once
    remember(this.people, session, { name: name || known?.name || "Somebody", voice, here: true }, MAX_PEOPLE);
    for (const line of this.list.children) {
      if (line.dataset.speaker === session) this.label(line);
    }
  }

  left(session) {
    const person = this.people.get(session);
    if (person) person.here = false;
  }

  show({ speaker, text, language, final }) {
    let line = this.open.get(speaker);
    if (!text.trim()) {
      this.open.delete(speaker);
      line?.remove();
      return;
    }
    line ??= this.begin(speaker);
    const words = line.querySelector(".text");
    words.lang = language;
    if (words.textContent !== text) words.textContent = text;
    if (final) this.finish(line);
  }

  /** Nothing more will come for the open lines: keep their words, and show that they break off. */
  settle() {
    for (const line of [...this.open.values()]) {
      line.querySelector(".text").append(" …");
      this.finish(line);
    }
  }

  begin(speaker) {
    if (!this.people.has(speaker)) this.joined(speaker, "");
    const now = new Date();
    const line = document.createElement("li");
    line.dataset.speaker = speaker;
    line.dataset.final = "false";
    line.setAttribute("aria-hidden", "true");  // until final: words that still change are not read out
    const who = element("div", "who");
    const time = element("time", "time", now.toLocaleTimeString([], CLOCK));
    time.dateTime = now.toISOString();
    who.append(element("span", "speaker"), time);
    const words = element("p", "text");
    words.dir = "auto";
    line.append(who, words);
    this.label(line);
    this.list.append(line);
    this.open.set(speaker, line);
    while (this.list.children.length > MAX_LINES) this.drop(this.list.firstElementChild);
    return line;
  }

  finish(line) {
    line.dataset.final = "true";
    line.removeAttribute("aria-hidden");
    this.open.delete(line.dataset.speaker);
    announce(`${line.querySelector(".speaker").textContent}: ${line.querySelector(".text").textContent}`);
  }

  drop(line) {
    if (this.open.get(line.dataset.speaker) === line) this.open.delete(line.dataset.speaker);
    line.remove();
    this.dropped = true;
  }

  label(line) {
    const { name, voice } = this.people.get(line.dataset.speaker) ?? { name: "Somebody", voice: 0 };
    line.dataset.voice = voice;
    line.querySelector(".speaker").textContent = name;
  }

  /** Going back pauses, arriving at the end goes on. New text below, which also parts us from the end, is neither. */
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const below = scrollHeight - scrollTop - clientHeight;
    if (below < 2) this.follow(true);
    else if (scrollTop < this.top) this.follow(false);
    this.top = scrollTop;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.top = this.scroller.scrollTop;
  }

  follow(following) {
    this.following = following;
    this.scroller.dataset.following = String(following);
    at("jump-live").hidden = following;
    if (following) this.toEnd();
  }

  /** Finals only: what is still open may yet be said differently. */
  asText(roomName) {
    const head = [`${roomName}, ${new Date().toLocaleString()}`];
    if (this.dropped) head.push(`(only the last ${MAX_LINES} lines)`);
    const lines = [...this.list.querySelectorAll('li[data-final="true"]')].map((line) => {
      const [time, name, text] = ["time", "speaker", "text"].map((part) => line.querySelector(`.${part}`).textContent);
      return `[${time}] ${name}: ${text}`;
    });
    return [...head, "", ...lines, ""].join("\n");
  }
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** For screen readers: each final once. The list itself is no live region, as lines in it change place and role. */
function announce(text) {
  const announcer = at("announcer");
  announcer.append(element("p", "", text));
  while (announcer.children.length > 3) announcer.firstElementChild.remove();
}

// ── Microphone ──────────────────────────────────────────────────────────────────────────────────────────────────

class Microphone {
  /** Asks the person for a microphone. Throws `Refused` in words for people. */
  static async open(ended) {
    const clean = new URLSearchParams(location.search).get("raw") !== "1";
    if (!navigator.mediaDevices) {
      throw new Refused("The browser gives microphones only to pages at https:// or localhost. You can still read along.");
    }
    try {
      const audio = { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean };
      return new Microphone(await navigator.mediaDevices.getUserMedia({ audio, video: false }), ended);
    } catch (error) {
      throw new Refused(`${whyNoMicrophone(error)} You can still read along.`);
    }
  }

  constructor(stream, ended) {
    this.stream = stream;
    [this.track] = stream.getAudioTracks();
    this.track.addEventListener("ended", ended);
    this.peers = new Map();  // session → Peer; ≤ MAX_PEERS
  }

  get muted() {
    return !this.track.enabled;
  }

  set muted(muted) {
    this.track.enabled = !muted;
  }

  /** Offer the track to a session that asked for it; the connection it had before is replaced. */
  async offer(session, send) {
    this.hangUp(session);
    if (this.peers.size >= MAX_PEERS) return;
    const peer = new Peer(this.track, this.stream, (data) => send(session, { ...data, to: session }));
    this.peers.set(session, peer);
    peer.connection.addEventListener("connectionstatechange", () => {
      const over = ["failed", "closed"].includes(peer.connection.connectionState);
      if (over && this.peers.get(session) === peer) this.hangUp(session);
    });
    await peer.offered;
  }

  /** An answer or a candidate. What carries another sid belongs to a connection that is gone. */
  async heard(session, data) {
    const peer = this.peers.get(session);
    if (!peer || peer.sid !== data.sid) return;
    if (data.type === "answer") await peer.answered(data.payload);
    else await peer.candidate(data.payload?.candidate);
  }

  hangUp(session) {
    this.peers.get(session)?.connection.close();
    this.peers.delete(session);
  }

  hangUpAll() {
    for (const session of [...this.peers.keys()]) this.hangUp(session);
  }

  close() {
    this.hangUpAll();
    this.track.stop();
  }
}

class Peer {
  constructor(track, stream, send) {
    this.sid = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.send = (data) => send({ ...data, roomType: "video", sid: this.sid });
    this.early = [];  // candidates ahead of the answer; ≤ MAX_EARLY_CANDIDATES
    this.connection = new RTCPeerConnection({ iceServers: [] });
    this.connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    this.connection.addEventListener("icecandidate", async ({ candidate }) => {
      if (!candidate?.candidate) return;
      const { candidate: line, sdpMid, sdpMLineIndex } = candidate;
      await this.offered;  // no candidate before its offer
      this.send({ type: "candidate", payload: { candidate: { candidate: line, sdpMid, sdpMLineIndex } } });
    });
    this.offered = this.offer();
  }

  async offer() {
    await this.connection.setLocalDescription(await this.connection.createOffer());
    this.send({ type: "offer", payload: { type: "offer", sdp: this.connection.localDescription.sdp } });
  }

  async answered(answer) {
    if (this.connection.signalingState !== "have-local-offer") return;
    await this.connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    for (const candidate of this.early.splice(0)) await this.connection.addIceCandidate(candidate);
  }

  async candidate(candidate) {
    if (!candidate) return;
    if (this.connection.remoteDescription) await this.connection.addIceCandidate(candidate);
    else if (this.early.length < MAX_EARLY_CANDIDATES) this.early.push(candidate);
  }
}

function whyNoMicrophone(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "The browser did not allow the microphone. Allow it in the site settings, next to the address.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "There is no microphone on this device.";
    case "NotReadableError":
    case "AbortError":
      return "The microphone is in use by another program, or does not work.";
    default:
      return "The microphone could not be opened.";
  }
}

// ── Signaling ───────────────────────────────────────────────────────────────────────────────────────────────────

class Line {
  /** Connects and waits for the server's welcome. `heard` gets every message that answers no request. */
  static async open(url, heard) {
    const line = new Line(url, heard);
    await line.within(line.welcomed);
    return line;
  }

  constructor(url, heard) {
    this.requests = new Map();  // id → resolve; ≤ those in flight, each has a timeout
    this.next = 1;
    this.socket = new WebSocket(url);
    this.closed = new Promise((resolve) => {
      this.gone = resolve;
      this.socket.addEventListener("close", resolve);
    });
    this.welcomed = new Promise((resolve) => {
      this.socket.addEventListener("message", ({ data }) => {
        const message = parse(data);
        if (message.type === "welcome") resolve();
        else if (this.requests.has(message.id)) this.requests.get(message.id)(message);
        else heard(message);
      });
    });
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Resolves to the reply's body. Throws `Refused` for an error reply, `Unreachable` where none comes. */
  async request(type, body) {
    const id = String(this.next++);
    const reply = new Promise((resolve) => this.requests.set(id, resolve));
    this.send({ id, type, [type]: body });
    try {
      const message = await this.within(reply);
      if (message.type === "error") throw new Refused(message.error?.message ?? "", message.error?.code);
      return message[type] ?? {};
    } finally {
      this.requests.delete(id);
    }
  }

  async within(promise) {
    let timer;
    const timeout = new Promise((resolve) => { timer = setTimeout(resolve, REPLY_TIMEOUT_MS); });
    const never = () => {
      this.close();
      throw new Unreachable("The signaling server does not answer.");
    };
    try {
      return await Promise.race([promise, this.closed.then(never), timeout.then(never)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Over at once: a dead network would let the browser wait a long time for the other side's close. */
  close() {
    this.socket.close();
    this.gone();
  }
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    return message && typeof message === "object" ? message : {};
  } catch {
    return {};
  }
}

/** Same-origin JSON. Throws `Refused` (the server's words, the HTTP status as code) or `Unreachable`. */
async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(REPLY_TIMEOUT_MS) });
  } catch {
    throw new Unreachable("The server does not answer.");
  }
  const answer = parse(await response.text().catch(() => ""));
  if (response.ok) return answer;
  throw new Refused(answer.error ?? `The server answered ${response.status}.`, response.status, answer.status);
}

// ── Visit ───────────────────────────────────────────────────────────────────────────────────────────────────────

class Visit {
  /** `told(status)` hears how things stand whenever that changes. */
  constructor({ name, microphone, captions, language, told }) {
    Object.assign(this, { name, microphone, captions, language });
    this.status = { connection: "connecting", captions: "off" };
    this.told = (change) => this.isOver || told(Object.assign(this.status, change));
    this.over = new Promise((resolve) => { this.end = resolve; });
    this.isOver = false;
    this.entered = false;  // once, so that the room is worth coming back to
    this.wanted = true;  // captions
    this.wish = 0;
    this.session = "";
    window.addEventListener("offline", this.offline = () => this.line?.close());
  }

  /** Until the person leaves. Throws `Refused` where the room does not let them in. */
  async stay() {
    let delay = FIRST_DELAY_MS;
    while (!this.isOver) {
      try {
        await this.enter();
        delay = FIRST_DELAY_MS;
        do await this.line.closed;
        while (!this.isOver && await this.resume());
        this.forget();
      } catch (error) {
        this.forget();
        if (this.isOver) return;
        if (!this.retryable(error)) throw error;
      }
      if (this.isOver) return;
      this.told({ connection: "lost", captions: "off" });
      await this.pause(delay);
      delay = Math.min(2 * delay, MAX_DELAY_MS);
    }
  }

  retryable(error) {
    return this.entered && !(error instanceof Refused && error.code >= 400 && error.code < 500);
  }

  async enter() {
    this.admission = await ask("/demo/join", { name: this.name, microphone: this.microphone !== null });
    const { ticket, backendUrl, roomToken, ncSessionId } = this.admission;
    await this.dial({ auth: { url: backendUrl, params: { ticket } } });
    await this.line.request("room", { roomid: roomToken, sessionid: ncSessionId });
    this.check();
    await ask("/demo/call", { ncSessionId, inCall: this.flags() });
    this.check();
    this.entered = true;
    this.told({ connection: "connected" });
    if (this.wanted) this.wishCaptions(true);
  }

  /** After each wait on the way in: the person may have left meanwhile. */
  check() {
    if (this.isOver) throw new Unreachable("You have left the room.");
  }

  async dial(greeting) {
    this.check();
    this.line = await Line.open(this.admission.signalingUrl, (message) => this.heard(message));
    this.check();
    const { sessionid, resumeid } = await this.line.request("hello", { version: "1.0", ...greeting });
    const resumed = sessionid === this.session;
    this.session = sessionid;
    this.resumeid = resumeid;
    this.captions.joined(sessionid, "You");
    return resumed;
  }

  /** The same session on a new socket: room, captions and audio go on. False: it is gone. */
  async resume() {
    this.told({ connection: "lost" });
    const deadline = Date.now() + RESUME_WINDOW_MS;
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, MAX_DELAY_MS)) {
      await this.pause(delay);
      if (this.isOver || Date.now() > deadline) return false;
      try {
        const resumed = await this.dial({ resumeid: this.resumeid });
        if (resumed) this.told({ connection: "connected" });
        else this.line.close();
        return resumed;
      } catch (error) {
        this.line?.close();
        if (error instanceof Refused) return false;
      }
    }
  }

  /** Waits about `delay` (with jitter), not longer than until the network is back or the visit is over. */
  async pause(delay) {
    const stop = new AbortController();
    await Promise.race([
      this.over,
      new Promise((resolve) => {
        const timer = setTimeout(resolve, delay * (0.5 + Math.random()));
        stop.signal.addEventListener("abort", () => clearTimeout(timer));
        window.addEventListener("online", resolve, { signal: stop.signal });
      }),
    ]);
    stop.abort();
  }

  /** The session is of no use any more: nothing of it stays, here or there. */
  forget() {
    this.wish += 1;
    this.captions.settle();
    this.captions.left(this.session);
    this.microphone?.hangUpAll();
    this.line?.close();
    this.leaveCall();
  }

  leaveCall() {
    if (!this.admission) return;
    const body = JSON.stringify({ ncSessionId: this.admission.ncSessionId, inCall: 0 });
    this.admission = null;
    navigator.sendBeacon("/demo/call", new Blob([body], { type: "application/json" }));
  }

  leave() {
    if (this.isOver) return;
    this.isOver = true;
    window.removeEventListener("offline", this.offline);
    this.leaveCall();
    this.line?.send({ id: "bye", type: "bye", bye: {} });
    this.line?.close();
    this.microphone?.close();
    this.end();
  }

  flags() {
    return this.microphone ? IN_CALL | WITH_AUDIO : IN_CALL;
  }

  /** The microphone is gone; reading goes on. */
  async onlyRead() {
    this.microphone?.close();
    this.microphone = null;
    this.told({});
    if (this.admission) await ask("/demo/call", { ncSessionId: this.admission.ncSessionId, inCall: this.flags() });
  }

  /** Captions for this reader, on or off. While the model is being loaded it is asked again; the last wish counts. */
  async wishCaptions(wanted) {
    const wish = ++this.wish;
    this.wanted = wanted;
    if (!wanted) this.captions.settle();
    this.told({ captions: wanted ? "waiting" : "off", trouble: "" });
    while (wish === this.wish && this.admission) {
      try {
        await ask("/demo/captions", { ncSessionId: this.admission.ncSessionId, enable: wanted });
        if (wish === this.wish) this.told({ captions: wanted ? "on" : "off" });
        return;
      } catch (error) {
        if (wish !== this.wish) return;
        const loading = MODEL_IS_COMING.includes(error.status);
        if (error instanceof Refused && !loading) {
          this.wanted = false;
          this.told({ captions: "off", trouble: error.message });
          return;
        }
        this.told({ captions: loading ? "loading" : "waiting" });
      }
      await this.pause(MODEL_POLL_MS);
    }
  }

  heard(message) {
    switch (message.type) {
      case "event":
        this.happened(message.event ?? {});
        break;
      case "message":
        this.received(message.message?.sender?.sessionid, message.message?.data ?? {});
        break;
      case "room":
        if (message.room?.roomid === "") this.line.close();
        break;
      case "bye":
        this.line.close();
        break;
    }
  }

  happened({ target, type, join, leave, update }) {
    if (target === "room" && type === "join") {
      for (const { sessionid, user } of join ?? []) {
        if (sessionid !== this.session) this.captions.joined(sessionid, user?.displayname ?? "");
      }
    } else if (target === "room" && type === "leave") {
      for (const session of leave ?? []) {
        this.captions.left(session);
        this.microphone?.hangUp(session);
      }
    } else if (target === "participants" && update?.all === true && !update.incall) {
      this.microphone?.hangUpAll();
    }
  }

  received(sender, data) {
    const { type, message, speakerSessionId: speaker, langId } = data;
    if (type === "transcript" && typeof message === "string" && typeof speaker === "string") {
      if (!this.wanted) return;
      const language = typeof langId === "string" && langId ? langId.replaceAll("_", "-") : this.language;
      this.captions.show({ speaker, text: message, language, final: data.final !== false });
    } else if (type === "requestoffer" && data.roomType === "video") {
      const send = (to, offered) => this.line.send(
        { type: "message", message: { recipient: { type: "session", sessionid: to }, data: offered } });
      this.microphone?.offer(sender, send).catch(() => this.microphone?.hangUp(sender));
    } else if (type === "answer" || type === "candidate") {
      this.microphone?.heard(sender, data).catch(() => {});  // not for this browser; the other side asks again
    }
  }
}

// ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────

const captions = new Captions();
let visit = null;
let config = { roomName: "roomscribe", language: "en" };

function view(name) {
  document.body.dataset.view = name;
  for (const section of ["about", "door", "room"]) at(section).hidden = section !== name;
}

function state(name, words) {
  at("state").dataset.state = name;
  if (at("state").textContent !== words) at("state").textContent = words;
}

function complain(words) {
  at("error").textContent = words;
  at("error").hidden = !words;
}

const CAPTIONS_IN_WORDS = {
  on: "Captions on.",
  off: "Captions off.",
  waiting: "Turning captions on…",
  loading: "Captions start when the speech model is loaded…",
};

function tell({ connection, captions: mode, trouble }) {
  const microphone = visit.microphone;
  at("mute").hidden = !microphone;
  at("mute").dataset.muted = String(Boolean(microphone?.muted));
  at("mute").textContent = microphone?.muted ? "Unmute" : "Mute";
  at("captions-toggle").textContent = visit.wanted ? "Stop captions" : "Start captions";
  if (trouble !== undefined) complain(trouble && `Captions could not be turned on: ${trouble}`);
  if (connection === "connecting") return state("connecting", "Connecting…");
  if (connection === "lost") return state("lost", "The connection was lost. Trying to get it back…");
  const heard = microphone && (microphone.muted ? "Microphone muted." : "Microphone on.");
  return state("connected", ["Connected.", CAPTIONS_IN_WORDS[mode], heard].filter(Boolean).join(" "));
}

function busy(isBusy) {
  for (const id of ["join-mic", "join-read"]) at(id).disabled = isBusy;
}

async function join(name, withMicrophone) {
  busy(true);
  complain("");
  let microphone = null;
  try {
    if (withMicrophone) {
      state("connecting", "Waiting for the microphone…");
      microphone = await Microphone.open(() => {
        complain("The microphone was disconnected. You can still read along.");
        visit?.onlyRead().catch(() => {});
      });
    }
    state("connecting", "Connecting…");
    visit = new Visit({ name, microphone, captions, language: config.language, told: (status) => {
      tell(status);
      if (status.connection !== "connected" || document.body.dataset.view === "room") return;
      view("room");
      at("scroller").focus({ preventScroll: true });
    } });
    await visit.stay();
    state("left", "You have left the room.");
  } catch (error) {
    visit?.leave();
    microphone?.close();
    state("left", "You are not in the room.");
    complain(error.message || "The room could not be entered.");
  }
  visit = null;
  busy(false);
  view("door");
  at(withMicrophone && !microphone ? "join-read" : "name").focus();
}

function resize(step) {
  const root = document.documentElement;
  const size = Math.min(SIZES, Math.max(1, Number(root.dataset.size) + step));
  root.dataset.size = size;
  at("smaller").setAttribute("aria-disabled", String(size === 1));
  at("bigger").setAttribute("aria-disabled", String(size === SIZES));
  try {
    if (step) localStorage.setItem("roomscribe.size", size);
  } catch { /* remembered for this visit only */ }
}

function rememberedSize() {
  try {
    return Number(localStorage.getItem("roomscribe.size")) || 3;
  } catch {
    return 3;
  }
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([captions.asText(config.roomName)], { type: "text/plain" }));
  link.download = `captions-${new Date().toISOString().slice(0, 16).replaceAll(":", "")}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

at("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = at("name").value.trim();
  if (name) join(name, event.submitter?.id !== "join-read");
  else complain("Please give a name: it stands beside what you say.");
});
at("mute").addEventListener("click", () => {
  if (!visit?.microphone) return;
  visit.microphone.muted = !visit.microphone.muted;
  visit.told({});
});
at("captions-toggle").addEventListener("click", () => visit?.wishCaptions(!visit.wanted));
at("leave").addEventListener("click", () => visit?.leave());
at("download").addEventListener("click", save);
at("smaller").addEventListener("click", () => resize(-1));
at("bigger").addEventListener("click", () => resize(+1));
window.addEventListener("pagehide", () => visit?.leave());

document.documentElement.dataset.size = rememberedSize();
resize(0);

try {
  config = { ...config, ...await ask("/demo/config") };
  at("room-name").textContent = config.roomName;
  document.title = `${config.roomName} · captions`;
  state("door", "Live captions");
  view("door");
  at("name").focus();
} catch (error) {
  if (error.code === 404) {
    state("about", "Running");
    view("about");
  } else {
    state("lost", "Not available");
    complain(`${error.message} Reload the page to try again.`);
  }
}
