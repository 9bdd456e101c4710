SELECT inventory.touch_api_keys(key_ids => $1, used_at => $2)
