// What the browser keeps: conversations in IndexedDB, settings in localStorage; nothing anywhere else. Where it refuses, they last as long as the
// page is open, and the page says so. A conversation:
//   {id, title, created, changed, messages: [{role, content, time, reasoning, id, model, usage, seconds, end, error, receipt}]}
// language, theme, model, system, thinking, temperature, max_tokens, seed, key; '' for what is not set.
const settings = {
  get(name) {
    try { return localStorage.getItem(`cloister.${name}`) || this[`_${name}`] || ''; } catch { return this[`_${name}`] || ''; }
  },
  set(name, value) {
    this[`_${name}`] = value;
    try {
      if (value) localStorage.setItem(`cloister.${name}`, value);
      else localStorage.removeItem(`cloister.${name}`);
    } catch { /* kept while the page is open */ }
  },
};

const store = {
  database: null,
  channel: window.BroadcastChannel ? new BroadcastChannel('cloister') : null, // tells other tabs
  onrefused: () => {},

  request(mode, action) {
    return new Promise((resolve, reject) => {
      if (!this.database) return reject(new Error('no database'));
      const transaction = this.database.transaction('conversations', mode);
      const request = action(transaction.objectStore('conversations'));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  },

  async open() {
    try {
      this.database = await new Promise((resolve, reject) => {
        const request = indexedDB.open('cloister', 1);
        request.onupgradeneeded = () => request.result.createObjectStore('conversations', {keyPath: 'id'});
        request.onsuccess = () => resolve(request.result);
        request.onerror = request.onblocked = () => reject(request.error);
      });
      return await this.request('readonly', all => all.getAll());
    } catch {
      this.onrefused();
      return [];
    }
  },

  async change(action, id) {
    try {
      await this.request('readwrite', action);
      this.channel?.postMessage(id);
    } catch {
      this.onrefused();
    }
  },

  get(id) { return this.request('readonly', all => all.get(id)); },
  put(conversation) { return this.change(all => all.put(conversation), conversation.id); },
  remove(id) { return this.change(all => all.delete(id), id); },
};
