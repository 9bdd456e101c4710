// The reader's key: kept for this tab's session and nowhere else.

const NAME = "inventory-key";

/** Whether a header can carry it: other letters come along with what is copied, and no key has them. */
export const canBeOne = (text) => /^[!-~]+$/.test(text);
export const key = () => sessionStorage.getItem(NAME);
export const keep = (text) => sessionStorage.setItem(NAME, text);
export const forget = () => sessionStorage.removeItem(NAME);
