// The reader's key: kept for this tab's session and nowhere else.

const NAME = "inventory-key";

export const key = () => sessionStorage.getItem(NAME);
export const keep = (text) => sessionStorage.setItem(NAME, text);
export const forget = () => sessionStorage.removeItem(NAME);
